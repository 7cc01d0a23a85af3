from __future__ import annotations

import os
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse

from cachespec_fastapi import cache, etag, install, vary

BODY = b'{"title":"it"}'
TAG = f'"{sha256(BODY).hexdigest()}"'


def application(answer: Any, *dependencies: Any) -> FastAPI:
    app = FastAPI()
    install(app)
    methods = ["GET", "HEAD", "PUT"]
    app.add_api_route("/", answer, methods=methods, dependencies=[etag(), cache(max_age=60), *dependencies])
    return app


def article() -> Any:
    return {"title": "it"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_body_that_is_sent_at_once_is_tagged(ask: Any, method: str) -> None:
    reply = ask(application(article), "/", method)
    assert (reply.status, reply.all("etag"), reply.body) == (200, [TAG], BODY)
    assert reply["content-length"] == str(len(BODY))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("value", [TAG, f"W/{TAG}", f'"a", {TAG}', "*"])
def test_a_client_that_has_it_gets_no_body(ask: Any, method: str, value: str) -> None:
    reply = ask(application(article, vary("Accept")), "/", method, {"If-None-Match": value})
    assert (reply.status, reply.body, reply["etag"]) == (304, b"", TAG)
    assert (reply.cache_control, reply["vary"]) == ("max-age=60", "Accept")
    assert (reply["content-length"], reply["content-type"]) == (None, None)
    assert [message["type"] for message in reply.messages] == ["http.response.start", "http.response.body"]


def test_a_client_that_has_something_else_gets_the_body(ask: Any) -> None:
    assert ask(application(article), "/", headers={"If-None-Match": '"a"'}).body == BODY


def test_a_client_that_wants_something_else_gets_412(ask: Any) -> None:
    reply = ask(application(article), "/", headers={"If-Match": '"a"'})
    assert (reply.status, reply.body, reply["content-length"], reply.cache_control) == (412, b"", "0", None)


def test_a_weak_tag_says_so(ask: Any) -> None:
    app = application(article, etag(weak=True))
    assert ask(app, "/")["etag"] == f"W/{TAG}"
    assert ask(app, "/", headers={"If-None-Match": TAG}).status == 304


def test_a_stream_goes_on_untagged(ask: Any) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    reply = ask(application(lambda: StreamingResponse(chunks())), "/", headers={"If-None-Match": "*"})
    assert (reply.status, reply["etag"], reply.cache_control) == (200, None, "max-age=60")
    assert [message.get("body") for message in reply.messages] == [None, b"a", b"b", b""]


def test_a_response_to_head_without_a_body_goes_on_untagged(ask: Any) -> None:
    reply = ask(application(lambda: Response(headers={"Content-Length": "14"})), "/", "HEAD")
    assert (reply.status, reply["etag"], reply["content-length"]) == (200, None, "14")


def nothing() -> Any:
    return Response()


def test_an_empty_body_is_a_body(ask: Any) -> None:
    assert ask(application(nothing), "/")["etag"] == f'"{sha256(b"").hexdigest()}"'


def not_there() -> Any:
    raise HTTPException(404)


@pytest.mark.parametrize(
    ("answer", "status"),
    [(lambda: JSONResponse({}, 201), 201), (lambda: Response(status_code=204), 204), (not_there, 404)],
)
def test_only_a_200_is_tagged(ask: Any, answer: Any, status: int) -> None:
    reply = ask(application(answer), "/", headers={"If-None-Match": "*"})
    assert (reply.status, reply["etag"]) == (status, None)


def test_the_response_to_a_change_is_not_tagged(ask: Any) -> None:
    reply = ask(application(article), "/", "PUT", {"If-None-Match": "*"})
    assert (reply.status, reply["etag"], reply.body) == (200, None, BODY)


def test_a_tag_of_the_endpoint_s_own_counts(ask: Any) -> None:
    app = application(lambda: PlainTextResponse("it", headers={"ETag": '"own"'}))
    assert ask(app, "/").all("etag") == ['"own"']
    assert ask(app, "/", headers={"If-None-Match": f'"{sha256(b"it").hexdigest()}"'}).status == 200
    reply = ask(app, "/", headers={"If-None-Match": '"own"'})
    assert (reply.status, reply.body, reply["etag"]) == (304, b"", '"own"')


def test_a_tag_of_the_endpoint_s_own_that_is_none_matches_nothing(ask: Any) -> None:
    app = application(lambda: PlainTextResponse("it", headers={"ETag": "own"}))
    assert ask(app, "/", headers={"If-None-Match": "own"}).status == 200


@pytest.mark.parametrize("extensions", [{}, {"http.response.pathsend": {}}], ids=["read", "sent by path"])
def test_a_file_has_a_tag_and_a_date_of_its_own(ask: Any, tmp_path: Path, extensions: dict[str, Any]) -> None:
    path = tmp_path / "it.txt"
    path.write_bytes(b"it" * 100_000)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    app = application(lambda: FileResponse(path))
    whole = ask(app, "/", extensions=extensions)
    assert (whole.status, whole["last-modified"]) == (200, "Sun, 09 Sep 2001 01:46:40 GMT")
    for condition in ({"If-None-Match": whole["etag"]}, {"If-Modified-Since": whole["last-modified"]}):
        reply = ask(app, "/", headers=condition, extensions=extensions)
        assert (reply.status, reply.body, reply["etag"]) == (304, b"", whole["etag"])
        assert [message["type"] for message in reply.messages] == ["http.response.start", "http.response.body"]
    part = ask(app, "/", headers={"Range": "bytes=0-1", "If-None-Match": '"a"'}, extensions=extensions)
    assert part["etag"] == whole["etag"]


def test_a_body_sent_by_path_goes_on_untagged(ask: Any, tmp_path: Path) -> None:
    class ByPath(Response):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.pathsend", "path": str(tmp_path)})

    def answer() -> Any:
        return ByPath()

    reply = ask(application(answer), "/", "HEAD")
    assert [message["type"] for message in reply.messages] == ["http.response.start", "http.response.pathsend"]
    assert reply["etag"] is None
