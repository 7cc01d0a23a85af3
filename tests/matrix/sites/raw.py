"""No framework at all."""

from __future__ import annotations

from typing import Any

import anyio
from application import HEADERS, PIECEWISE, Asked, stream, text


async def app(scope: Any, receive: Any, send: Any) -> None:
    """See the package."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
    else:
        await respond(scope, receive, send)


async def respond(scope: Any, receive: Any, send: Any) -> None:
    language = dict(scope["headers"]).get(b"accept-language", b"").decode()
    asked = Asked(scope["path"], scope["query_string"].decode(), language)
    lines = [(name.encode(), value.encode()) for name, value in HEADERS[asked.path].items()]
    await send({"type": "http.response.start", "status": 200, "headers": lines})
    if asked.path not in PIECEWISE:
        await send({"type": "http.response.body", "body": (await text(asked)).encode()})
        return
    async with anyio.create_task_group() as tasks:

        async def leave() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        tasks.start_soon(leave)
        async for piece in stream(asked):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        tasks.cancel_scope.cancel()
