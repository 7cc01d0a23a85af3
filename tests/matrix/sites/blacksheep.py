"""https://pypi.org/project/blacksheep/"""

from __future__ import annotations

from functools import partial
from typing import Any

from application import HEADERS, PIECEWISE, Asked, stream, text
from blacksheep import Application, Content, Request, Response, StreamedContent, WebSocket
from blacksheep.server.websocket import WebSocketDisconnectError

app = Application()


def asked(request: Request) -> Asked:
    language = request.get_first_header(b"accept-language") or b""
    return Asked(request.url.path.decode(), (request.url.query or b"").decode(), language.decode())


def lines(request: Request) -> list[tuple[bytes, bytes]]:
    headers = HEADERS[request.url.path.decode()]
    return [(name.encode(), value.encode()) for name, value in headers.items() if name != "content-type"]


async def whole(request: Request) -> Response:
    return Response(200, lines(request), Content(b"text/plain", (await text(asked(request))).encode()))


async def piecewise(request: Request) -> Response:
    said = asked(request)
    kind = HEADERS[said.path].get("content-type", "text/plain").encode()
    return Response(200, lines(request), StreamedContent(kind, partial(stream, said)))


for path in HEADERS:
    endpoint: Any = piecewise if path in PIECEWISE else whole
    app.router.add_get(path, endpoint)
    app.router.add_post(path, endpoint)


async def echo(socket: WebSocket) -> None:
    """Sends back what it gets."""
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnectError:
        return


app.router.add_ws("/echo", echo)
