"""An application under uvicorn, one worker: ``python serving.py KIND`` serves it until its input ends.

It prints its port.  For each line that it is given it prints the processor seconds that it has used so far, and how
often the application was asked.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from stores import ROOM
from with_asgi import App, Counted, ours, prebuilt

PIECE = b"x" * 65536


class Streaming:
    """A Starlette application that streams pieces: what may be stored, and below ``/past`` what may not."""

    def __init__(self) -> None:
        self.calls = 0

        async def pieces(number: int) -> AsyncIterator[bytes]:
            for _ in range(number):
                yield PIECE

        async def endpoint(request: Request) -> StreamingResponse:
            self.calls += 1
            number = request.path_params["pieces"]
            control = "no-store" if request.url.path.startswith("/past/") else "max-age=86400"
            headers = {"Cache-Control": control, "Content-Length": str(number * len(PIECE))}
            return StreamingResponse(pieces(number), headers=headers)

        self.app = Starlette(routes=[Route("/{place}/{pieces:int}/{number}", endpoint)])


def made(kind: str, stack: ExitStack) -> tuple[Any, App]:
    """What counts, and what is served."""
    what, store, alone = [*kind.split(":"), "", ""][:3]
    inner: Any = Streaming() if what == "streaming" else Counted()
    if store == "prebuilt":
        return inner, prebuilt(inner.app, stack)
    if store:
        return inner, ours(store, inner.app, stack, collapse_across=not alone, max_body=ROOM)
    return inner, inner.app


def main(kind: str) -> None:
    """Serve until standard input ends."""
    with ExitStack() as stack:
        inner, app = made(kind, stack)
        # The loop switches Nagle's algorithm off only where the protocol is named.
        listener = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP))
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        # A connection waits while it is the turn of others.
        quiet = {"log_level": "error", "access_log": False, "lifespan": "off", "ws": "none", "timeout_keep_alive": 600}
        config = uvicorn.Config(app, **quiet)
        server = uvicorn.Server(config)

        def tell() -> None:
            for _ in sys.stdin:
                print(time.process_time(), inner.calls, flush=True)
            server.should_exit = True

        threading.Thread(target=tell, daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        server.run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
