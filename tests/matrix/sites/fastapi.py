"""https://pypi.org/project/fastapi/"""

from __future__ import annotations

from application import HEADERS, PIECEWISE, Asked, stream, text
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse

app = FastAPI()


def asked(request: Request) -> Asked:
    return Asked(request.url.path, request.url.query, request.headers.get("accept-language", ""))


async def whole(request: Request) -> Response:
    return PlainTextResponse(await text(asked(request)), headers=HEADERS[request.url.path])


async def piecewise(request: Request) -> Response:
    return StreamingResponse(stream(asked(request)), headers=HEADERS[request.url.path])


for path in HEADERS:
    endpoint = piecewise if path in PIECEWISE else whole
    app.add_api_route(path, endpoint, methods=["GET", "POST"], response_class=Response)


@app.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    """Sends back what it gets."""
    await socket.accept()
    async for message in socket.iter_text():
        await socket.send_text(message)
