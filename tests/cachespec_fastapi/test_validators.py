from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from cachespec_fastapi import cache, etag, install, last_modified, never_cache, vary

MOMENT = datetime(2020, 1, 2, 3, 4, 5, 600000, UTC)
DATE = "Thu, 02 Jan 2020 03:04:05 GMT"
EARLIER = "Thu, 02 Jan 2020 03:04:04 GMT"

ALWAYS = pytest.mark.parametrize("installed", [True, False], ids=["installed", "not installed"])


class Lab:
    """An application with one route, ``/``, for all methods; and how often its endpoint was called."""

    def __init__(self, *dependencies: Any, installed: bool = True, answer: Any = dict, **options: Any) -> None:
        self.app = FastAPI(**options)
        if installed:
            install(self.app)
        self.calls = 0

        @self.app.api_route("/", methods=["GET", "HEAD", "PUT", "DELETE", "QUERY"], dependencies=dependencies)
        async def endpoint() -> Any:
            self.calls += 1
            return answer()


@ALWAYS
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("value", ['"v1"', 'W/"v1"', '"v0", "v1"', "*"])
def test_a_client_that_has_it_gets_304_before_the_work_is_done(
    ask: Any, method: str, value: str, installed: bool
) -> None:
    lab = Lab(etag("v1"), cache(max_age=60, groups="g"), vary("Accept"), installed=installed)
    reply = ask(lab.app, "/", method, {"If-None-Match": value})
    assert (reply.status, reply.body, lab.calls) == (304, b"", 0)
    assert (reply["etag"], reply.cache_control, reply["vary"]) == ('"v1"', "max-age=60", "Accept")
    assert reply["cache-groups"] == '"g"'
    assert reply["content-type"] is None


@ALWAYS
@pytest.mark.parametrize("headers", [{}, {"If-None-Match": '"v0"'}, {"If-None-Match": "v1"}, {"If-Match": '"v1"'}])
def test_any_other_client_gets_the_response_with_its_tag(ask: Any, headers: dict[str, str], installed: bool) -> None:
    lab = Lab(etag("v1"), cache(max_age=60), installed=installed)
    reply = ask(lab.app, "/", headers=headers)
    assert (reply.status, reply.body, lab.calls, reply["etag"]) == (200, b"{}", 1, '"v1"')


@ALWAYS
@pytest.mark.parametrize("order", [0, 1, 2], ids=["first", "between", "last"])
@pytest.mark.parametrize("level", ["route", "router", "default"])
def test_a_304_says_what_stands_before_and_behind(ask: Any, order: int, level: str, installed: bool) -> None:
    declared = [cache(max_age=60), vary("Accept")]
    declared.insert(order, etag("v1"))
    app = FastAPI(dependencies=[cache(max_age=1), vary("Origin")])
    if installed:
        install(app)
    router = APIRouter(dependencies=declared if level == "router" else [])
    if level == "default":

        @router.get("/")
        async def defaults(a: Any = declared[0], b: Any = declared[1], c: Any = declared[2]) -> Any: ...
    else:

        @router.get("/", dependencies=declared if level == "route" else [])
        async def endpoint() -> Any: ...

    app.include_router(router)
    reply = ask(app, "/", headers={"If-None-Match": '"v1"'})
    assert (reply.status, reply.cache_control, reply["vary"]) == (304, "max-age=60", "Origin, Accept")


def test_a_304_says_what_stands_where_routers_are_included(ask: Any) -> None:
    app = FastAPI(dependencies=[etag("v1")])
    install(app)
    router = APIRouter()

    @router.get("/")
    async def endpoint() -> Any: ...

    app.include_router(router, dependencies=[never_cache, vary("Accept")])
    reply = ask(app, "/", headers={"If-None-Match": '"v1"'})
    assert (reply.status, reply.cache_control, reply["vary"]) == (304, "no-store", "Accept")


def revision(number: int, request: Request) -> str | None:
    """A dependency with a path parameter, as any other."""
    return f"{number}-{request.method}" if number else None


def whole(number: int) -> int:
    return number


async def async_revision(number: Annotated[int, Depends(whole)]) -> int:
    return number


REVISION = etag(revision)


@ALWAYS
def test_a_tag_may_come_from_a_dependency(ask: Any, installed: bool) -> None:
    app = FastAPI()
    if installed:
        install(app)
    seen = []

    @app.get("/sync/{number}")
    def sync(number: int, tag: Any = REVISION) -> Any:
        seen.append(tag)
        return {}

    @app.get("/async/{number}", dependencies=[etag(async_revision, weak=True)])
    async def endpoint(number: str) -> Any:
        return {}

    assert ask(app, "/sync/7")["etag"] == '"7-GET"'
    assert ask(app, "/sync/7", headers={"If-None-Match": '"7-GET"'}).status == 304
    assert ask(app, "/sync/0")["etag"] is None
    assert ask(app, "/sync/0", headers={"If-None-Match": "*"}).status == 200
    assert ask(app, "/sync/0", headers={"If-Match": "*"}).status == 412
    assert ask(app, "/sync/x", headers={"If-None-Match": "*"}).status == 422
    assert ask(app, "/async/7")["etag"] == 'W/"7"'
    assert ask(app, "/async/7", headers={"If-None-Match": '"7"'}).status == 304
    assert seen == ["7-GET", None, None]


@pytest.mark.requirement("9110-8.8.3-02")
@pytest.mark.parametrize(
    ("tag", "weak", "value"),
    [
        ("v1", False, '"v1"'),
        ("v1", True, 'W/"v1"'),
        ('"v1"', False, '"v1"'),
        ('W/"v1"', False, 'W/"v1"'),
        ('"v1"', True, 'W/"v1"'),
        ("", False, '""'),
        (12, False, '"12"'),
        (b"content", False, f'"{sha256(b"content").hexdigest()}"'),
        ("x" * 129, False, f'"{sha256(b"x" * 129).hexdigest()}"'),
    ],
    ids=str,
)
def test_a_tag_gets_its_form(ask: Any, tag: Any, weak: bool, value: str) -> None:
    assert ask(Lab(etag(tag, weak=weak)).app, "/").all("etag") == [value]
    assert ask(Lab(etag(lambda: tag, weak=weak)).app, "/").all("etag") == [value]


@pytest.mark.parametrize("tag", ["a b", 'a"b', "a\r\nb", "é", "\N{SNOWMAN}", "\ud800", "\0", "2020-01-02 03:04:05"])
def test_what_has_no_form_as_a_tag_is_digested_while_requests_are_served(ask: Any, tag: str) -> None:
    digest = sha256(tag.encode("utf-8", "surrogatepass")).hexdigest()
    lab = Lab(etag(lambda: tag))
    assert ask(lab.app, "/")["etag"] == f'"{digest}"'
    assert ask(lab.app, "/", headers={"If-None-Match": f'"{digest}"'}).status == 304
    with pytest.raises(ValueError, match=r"^tag: "):
        etag(tag)


@pytest.mark.parametrize("tag", [True, 1.5, ["v1"], pytest.param(object(), id="an object")], ids=str)
def test_a_tag_of_another_type_is_a_type_error(ask: Any, tag: Any) -> None:
    with pytest.raises(TypeError, match=r"^tag: "):
        etag(tag)
    with pytest.raises(TypeError, match=r"^tag: "):
        ask(Lab(etag(lambda: tag)).app, "/")


@pytest.mark.parametrize("weak", [None, 1, "yes"])
def test_weak_is_true_or_false(weak: Any) -> None:
    with pytest.raises(TypeError, match=r"^weak: "):
        etag("v1", weak=weak)


@ALWAYS
@pytest.mark.requirement("9110-13.1.1-02")
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": '"v1"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"v0"'}, 412),
        ({"If-Match": 'W/"v1"'}, 412),
        ({"If-None-Match": '"v1"'}, 412),
        ({"If-None-Match": "*"}, 412),
        ({"If-None-Match": '"v0"'}, 200),
        ({}, 200),
    ],
    ids=str,
)
def test_a_change_to_something_else_is_refused(
    ask: Any, method: str, headers: dict[str, str], status: int, installed: bool
) -> None:
    lab = Lab(vary("Accept"), etag("v1"), cache(max_age=60), installed=installed)
    reply = ask(lab.app, "/", method, headers)
    assert (reply.status, lab.calls) == (status, int(status == 200))
    # The tag is that of what was there before, and no longer of what is.
    assert reply["etag"] is None
    assert reply["vary"] == "Accept"
    assert reply.cache_control == ("max-age=60" if status == 200 else None)
    assert status == 200 or b"detail" in reply.body


def test_something_new_may_be_put_where_nothing_is(ask: Any) -> None:
    lab = Lab(etag(lambda: None))
    assert ask(lab.app, "/", "PUT", {"If-None-Match": "*"}).status == 200
    assert ask(lab.app, "/", "PUT", {"If-Match": "*"}).status == 412


@ALWAYS
@pytest.mark.requirement("9110-5.6.7-02")
@pytest.mark.parametrize(
    "date",
    [
        MOMENT,
        MOMENT.replace(tzinfo=None),
        MOMENT.astimezone(timezone(timedelta(hours=5))),
        MOMENT.timestamp(),
        int(MOMENT.timestamp()),
    ],
    ids=str,
)
def test_a_date_is_sent_and_compared_in_whole_seconds(ask: Any, date: Any, installed: bool) -> None:
    for declared in (last_modified(date), last_modified(lambda: date)):
        lab = Lab(declared, cache(max_age=60), installed=installed)
        reply = ask(lab.app, "/")
        assert (reply.status, reply["last-modified"], lab.calls) == (200, DATE, 1)
        reply = ask(lab.app, "/", headers={"If-Modified-Since": DATE})
        assert (reply.status, reply["last-modified"], reply.cache_control, lab.calls) == (304, DATE, "max-age=60", 1)
        assert ask(lab.app, "/", headers={"If-Modified-Since": EARLIER}).status == 200
        assert ask(lab.app, "/", "PUT", {"If-Unmodified-Since": EARLIER}).status == 412
        assert ask(lab.app, "/", "PUT", {"If-Unmodified-Since": DATE}).status == 200
        assert ask(lab.app, "/", "PUT", {"If-Modified-Since": DATE}).status == 200


@pytest.mark.requirement("9110-8.8.2.1-01")
def test_a_date_is_never_later_than_the_message(ask: Any) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    sent = ask(Lab(last_modified(datetime(9999, 1, 1, tzinfo=UTC))).app, "/")["last-modified"]
    assert before <= datetime.strptime(sent, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC) <= datetime.now(UTC)


def test_nobody_knows_a_date_of_none(ask: Any) -> None:
    lab = Lab(last_modified(lambda: None))
    reply = ask(lab.app, "/", headers={"If-Modified-Since": DATE})
    assert (reply.status, reply["last-modified"]) == (200, None)


@pytest.mark.parametrize(
    ("date", "error"),
    [
        (None, TypeError),
        (True, TypeError),
        ("yesterday", TypeError),
        (MOMENT.date(), TypeError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
    ],
    ids=str,
)
def test_what_is_no_date_is_refused_by_name(ask: Any, date: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^date: "):
        last_modified(date)
    if date is not None:
        with pytest.raises(error, match=r"^date: "):
            ask(Lab(last_modified(lambda: date)).app, "/")


@pytest.mark.requirement("9110-13.2.2-01")
@pytest.mark.parametrize("turned", [False, True], ids=["tag first", "date first"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": '"v1"', "If-Modified-Since": EARLIER}, 304),
        ({"If-None-Match": '"v0"', "If-Modified-Since": DATE}, 200),
        ({"If-Modified-Since": DATE}, 304),
        ({"If-Match": '"v1"', "If-Unmodified-Since": EARLIER}, 200),
        ({"If-Match": '"v0"', "If-Modified-Since": DATE}, 412),
    ],
    ids=str,
)
def test_tag_and_date_are_weighed_together(ask: Any, headers: dict[str, str], status: int, turned: bool) -> None:
    declared = [etag("v1"), last_modified(MOMENT)]
    reply = ask(Lab(*reversed(declared) if turned else declared).app, "/", headers=headers)
    assert reply.status == status
    if status != 412:
        assert reply["etag"] == '"v1"'
        # Where there is a tag, a 304 has no need for the date.
        assert reply["last-modified"] == (DATE if status == 200 else None)


def test_conditions_on_a_tag_wait_for_who_knows_it(ask: Any) -> None:
    lab = Lab(last_modified(MOMENT))
    assert ask(lab.app, "/", headers={"If-None-Match": "*", "If-Modified-Since": DATE}).status == 200
    assert ask(lab.app, "/", "PUT", {"If-Match": '"v1"'}).status == 200


@pytest.mark.parametrize("status", [302, 404, 500])
def test_only_what_succeeds_has_validators(ask: Any, status: int) -> None:
    lab = Lab(etag("v1"), last_modified(MOMENT), answer=lambda: JSONResponse({}, status))
    reply = ask(lab.app, "/")
    assert (reply.status, reply["etag"], reply["last-modified"]) == (status, None, None)


def test_validators_of_the_endpoint_count(ask: Any) -> None:
    own = {"ETag": '"own"', "Last-Modified": EARLIER}
    reply = ask(Lab(etag("v1"), last_modified(MOMENT), answer=lambda: JSONResponse({}, headers=own)).app, "/")
    assert reply.all("etag") == ['"own"']
    assert reply.all("last-modified") == [EARLIER]


def test_a_dependency_that_refuses_comes_before_a_condition_behind_it(ask: Any) -> None:
    def guard() -> None:
        raise HTTPException(403)

    lab = Lab(Depends(guard), etag("v1"))
    assert ask(lab.app, "/", headers={"If-None-Match": '"v1"'}).status == 403


@ALWAYS
def test_a_handler_for_http_exceptions_need_not_know_of_304(ask: Any, installed: bool) -> None:
    lab = Lab(etag("v1"), installed=installed)
    handled: Counter[int] = Counter()

    @lab.app.exception_handler(HTTPException)
    async def handler(request: Request, error: HTTPException) -> JSONResponse:
        handled[error.status_code] += 1
        return JSONResponse({"error": error.detail}, error.status_code)

    assert ask(lab.app, "/", "PUT", {"If-Match": '"v0"'}).status == 412
    reply = ask(lab.app, "/", headers={"If-None-Match": '"v1"'})
    assert reply.status == 304
    if installed:
        assert (reply.body, reply["etag"]) == (b"", '"v1"')
        assert handled == {412: 1}
