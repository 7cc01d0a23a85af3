"""https://pypi.org/project/litestar/"""

from __future__ import annotations

from typing import Any

from application import HEADERS, PIECEWISE, Asked, stream, text
from litestar import Litestar, MediaType, Request, Response, WebSocket, route, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.response import Stream


def asked(request: Request[Any, Any, Any]) -> Asked:
    return Asked(request.url.path, request.url.query, request.headers.get("accept-language", ""))


@route([path for path in HEADERS if path not in PIECEWISE], http_method=["GET", "POST"], status_code=200)
async def whole(request: Request[Any, Any, Any]) -> Response[str]:
    """A response that comes whole."""
    return Response(await text(asked(request)), headers=HEADERS[request.url.path], media_type=MediaType.TEXT)


@route(list(PIECEWISE), http_method=["GET", "POST"], status_code=200)
async def piecewise(request: Request[Any, Any, Any]) -> Stream:
    """A response that comes in pieces."""
    return Stream(stream(asked(request)), headers=HEADERS[request.url.path])


@websocket("/echo")
async def echo(socket: WebSocket[Any, Any, Any]) -> None:
    """Sends back what it gets."""
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        return


app = Litestar([whole, piecewise, echo])
