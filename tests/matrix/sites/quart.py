"""https://pypi.org/project/Quart/, and under trio https://pypi.org/project/quart-trio/"""

from __future__ import annotations

import os

from application import HEADERS, PIECEWISE, Asked, stream, text
from quart import Quart, Response, request, websocket

if os.environ.get("LOOP") == "trio":
    from quart_trio import QuartTrio

    app: Quart = QuartTrio(__name__)
else:
    app = Quart(__name__)


def asked() -> Asked:
    return Asked(request.path, request.query_string.decode(), request.headers.get("accept-language", ""))


async def whole() -> Response:
    return Response(await text(asked()), headers=HEADERS[request.path], mimetype="text/plain")


async def piecewise() -> Response:
    response = Response(stream(asked()), headers=HEADERS[request.path])
    response.timeout = None
    return response


for path in HEADERS:
    endpoint = piecewise if path in PIECEWISE else whole
    app.add_url_rule(path, path.strip("/"), endpoint, methods=["GET", "POST"])


@app.websocket("/echo")
async def echo() -> None:
    """Sends back what it gets."""
    while True:
        await websocket.send(await websocket.receive())
