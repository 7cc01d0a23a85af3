"""A body that is lost while a client reads it, under a real HTTP server."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from sqlalchemy import delete

from cachespec_asgi import CacheMiddleware
from cachespec_sql import SQLStore
from cachespec_sql.tables import BODIES, CHUNKS

PIECE = b"x" * 262_144
PIECES = 128
"""More than sockets hold."""


async def application(scope: Any, receive: Any, send: Any) -> None:
    length = str(PIECES * len(PIECE)).encode()
    headers = [(b"cache-control", b"max-age=60"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(PIECES):
        await send({"type": "http.response.body", "body": PIECE, "more_body": number < PIECES - 1})


def test_the_client_sees_that_the_response_was_broken_off(make: Callable[..., SQLStore]) -> None:
    store = make()
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(CacheMiddleware(application, store=store), lifespan="off", log_level=logging.CRITICAL)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        client = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=60)
        client.request("GET", "/")
        assert len(client.getresponse().read()) == PIECES * len(PIECE)
        client.request("GET", "/")
        response = client.getresponse()
        assert "hit" in response.headers["Cache-Status"]
        assert response.read(1000) == PIECE[:1000]
        with store.engine.begin() as connection:
            bodies = connection.scalars(BODIES.select().where(BODIES.c.space == store._shelf.space)).all()
            connection.execute(delete(CHUNKS).where(CHUNKS.c.body.in_(bodies)))
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            response.read()
        client.close()
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
