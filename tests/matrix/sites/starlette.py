"""https://pypi.org/project/starlette/"""

from __future__ import annotations

from application import HEADERS, PIECEWISE, Asked, stream, text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket


def asked(request: Request) -> Asked:
    return Asked(request.url.path, request.url.query, request.headers.get("accept-language", ""))


async def whole(request: Request) -> Response:
    return PlainTextResponse(await text(asked(request)), headers=HEADERS[request.url.path])


async def piecewise(request: Request) -> Response:
    return StreamingResponse(stream(asked(request)), headers=HEADERS[request.url.path])


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    async for message in socket.iter_text():
        await socket.send_text(message)


app = Starlette(
    routes=[
        *[Route(path, piecewise if path in PIECEWISE else whole, methods=["GET", "POST"]) for path in HEADERS],
        WebSocketRoute("/echo", echo),
    ]
)
