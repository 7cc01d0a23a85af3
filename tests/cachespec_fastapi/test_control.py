from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse, StreamingResponse

from cachespec_fastapi import cache, install, never_cache

Ask = Any


def application(*dependencies: Any, answer: Any = None, **options: Any) -> FastAPI:
    """An application with one route, ``/``, that has these dependencies."""
    app = FastAPI(**options)
    install(app)

    @app.get("/", dependencies=dependencies)
    async def endpoint(response: Response, status: int = 200) -> Any:
        if answer is not None:
            return answer(response)
        if status >= 400:
            raise HTTPException(status)
        response.status_code = status
        return {}

    return app


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ({"max_age": 31536000, "public": True, "immutable": True}, "public, max-age=31536000, immutable"),
        ({"max_age": 300, "public": True}, "public, max-age=300"),
        ({"max_age": 300, "private": True}, "private, max-age=300"),
        ({"max_age": 60, "s_maxage": 3600, "public": True}, "public, max-age=60, s-maxage=3600"),
        ({"no_store": True}, "no-store"),
        ({"max_age": timedelta(minutes=5)}, "max-age=300"),
        ({"max_age": 0, "must_revalidate": True, "no_transform": True}, "max-age=0, must-revalidate, no-transform"),
        ({"no_cache": ["Set-Cookie"], "proxy_revalidate": True}, 'no-cache="Set-Cookie", proxy-revalidate'),
        ({"must_understand": True, "no_store": True, "max_age": 1}, "no-store, max-age=1, must-understand"),
        (
            {"s_maxage": 60, "stale_while_revalidate": 300, "stale_if_error": timedelta(days=1)},
            "s-maxage=60, stale-while-revalidate=300, stale-if-error=86400",
        ),
    ],
    ids=str,
)
def test_the_field_says_what_is_declared(ask: Ask, arguments: dict[str, Any], value: str) -> None:
    assert ask(application(cache(**arguments)), "/").all("cache-control") == [value]


SECONDS = ["max_age", "s_maxage", "stale_while_revalidate", "stale_if_error", "ttl"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            (name, value)
            for name in SECONDS
            for value in (-1, 2147483649, True, False, 1.5, timedelta(seconds=-1), timedelta(microseconds=1))
        ],
        *[
            (name, value)
            for name in ("private", "no_cache")
            for value in ([], ["A B"], "A\r\nB: c", ["A", ""], ["A\n"])
        ],
        ("groups", [""]),
        ("groups", ["a\r\nb"]),
        ("groups", "\0"),
        ("groups", ["a" * 257]),
        ("groups", "é" * 50),
        ("groups", [str(number) for number in range(129)]),
        ("errors", [200]),
        ("errors", [304]),
        ("errors", [600]),
        *[("errors", [status]) for status in (428, 429, 431, 511)],
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_bad_value_is_a_value_error_that_names_the_argument(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: "):
        cache(**{"no_transform": True, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, value) for name in SECONDS for value in ("60", "60\r\nX: y", [60])],
        *[(name, value) for name in ("private", "no_cache") for value in (None, 1, [None])],
        *[
            (name, value)
            for name in (
                "public",
                "no_store",
                "no_transform",
                "must_revalidate",
                "must_understand",
                "proxy_revalidate",
                "immutable",
            )
            for value in (None, 1, "yes")
        ],
        ("groups", 1),
        ("groups", [1]),
        ("groups", None),
        ("errors", 404),
        ("errors", "404"),
        ("errors", [True]),
        ("errors", ["404"]),
        ("errors", [404.0]),
        ("errors", None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_value_of_the_wrong_type_is_a_type_error_that_names_the_argument(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: "):
        cache(**{name: value})


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"public": True, "private": True}, "public"),
        ({"s_maxage": 60, "private": True}, "s_maxage"),
        ({"public": True, "no_store": True}, "public"),
        ({"max_age": 60, "no_store": True}, "max_age"),
        ({"ttl": 60, "no_store": True}, "ttl"),
        ({"ttl": 60, "private": True}, "ttl"),
    ],
    ids=str,
)
def test_a_contradiction_is_a_value_error_that_names_an_argument(arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}: contradicts "):
        cache(**arguments)


def test_arguments_are_given_by_name_and_are_those_there_are() -> None:
    with pytest.raises(TypeError, match="positional"):
        cache(60)  # type: ignore[misc]
    with pytest.raises(TypeError, match="maxage"):
        cache(maxage=60)  # type: ignore[call-arg]


@pytest.mark.parametrize("arguments", [{}, {"public": False}, {"errors": True}, {"groups": []}], ids=str)
def test_a_declaration_says_something(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="at least one argument"):
        cache(**arguments)


SAYS = [cache(max_age=1), cache(max_age=2), cache(max_age=3), cache(max_age=4), cache(max_age=5)]


@pytest.mark.parametrize("nearest", range(1, 6))
def test_the_nearest_declaration_counts(ask: Ask, nearest: int) -> None:
    declared = [[says] if nearest > level else [] for level, says in enumerate(SAYS)]
    app = FastAPI(dependencies=declared[0])
    install(app)
    router = APIRouter(dependencies=declared[2])

    @router.get("/", dependencies=declared[3])
    async def endpoint(_: Any = SAYS[4] if nearest == 5 else None) -> None: ...

    app.include_router(router, dependencies=declared[1])
    assert ask(app, "/").cache_control == f"max-age={nearest}"


@pytest.mark.parametrize(
    ("level", "installed"),
    [
        ("route", True),
        ("route", False),
        ("router", True),
        ("router", False),
        # What stands where routers are included is learnt when the application starts.
        ("include", True),
    ],
)
def test_the_same_declaration_counts_again_at_a_nearer_level(ask: Ask, level: str, installed: bool) -> None:
    # FastAPI calls one dependency once, and that is at the level of the application.
    dear = cache(max_age=1000, groups=lambda _: "dear")
    app = FastAPI(dependencies=[never_cache])
    if installed:
        install(app)
    router = APIRouter(dependencies=[never_cache] if level == "router" else [dear] if level == "route" else [])
    outer = APIRouter(dependencies=[dear] if level != "route" else [])

    @router.get("/", dependencies=[never_cache] if level == "route" else [])
    async def endpoint() -> Any:
        return {}

    outer.include_router(router, dependencies=[never_cache] if level == "include" else [])
    app.include_router(outer)
    reply = ask(app, "/")
    assert (reply.cache_control, reply["cache-groups"]) == ("no-store", None)


def test_a_declaration_that_counts_again_keeps_its_groups(ask: Ask) -> None:
    grouped = cache(max_age=1, groups=lambda request: request.url.path)
    app = FastAPI(dependencies=[grouped])
    install(app)
    router = APIRouter(dependencies=[never_cache])

    @router.get("/a", dependencies=[grouped])
    async def endpoint() -> Any:
        return {}

    app.include_router(router)
    reply = ask(app, "/a")
    assert (reply.cache_control, reply["cache-groups"]) == ("max-age=1", '"/a"')


def refuses(status: int = 403) -> None:
    raise HTTPException(status)


@pytest.mark.parametrize("status", [403, 404])
def test_the_nearest_declaration_counts_for_errors_that_come_before_it(ask: Ask, status: int) -> None:
    app = FastAPI(dependencies=[cache(max_age=60, errors=[403, 404])])
    install(app)

    @app.get("/", dependencies=[Depends(refuses), never_cache])
    async def endpoint() -> Any: ...

    assert ask(app, f"/?status={status}").cache_control == "no-store"


def test_a_declaration_counts_for_errors_that_come_before_any_was_called(ask: Ask) -> None:
    app = FastAPI(dependencies=[Depends(refuses)])
    install(app)

    @app.get("/", dependencies=[never_cache])
    async def endpoint() -> Any: ...

    assert ask(app, "/?status=404").cache_control == "no-store"
    assert ask(app, "/elsewhere").cache_control is None


@pytest.mark.parametrize("shared", [True, False], ids=["cached first", "cached last"])
def test_a_router_that_is_included_twice_has_the_declaration_of_each_place(ask: Ask, shared: bool) -> None:
    app = FastAPI()
    install(app)
    router = APIRouter()

    @router.get("/it")
    async def endpoint() -> Any:
        return {}

    declared = {"/a": cache(max_age=60), "/b": never_cache}
    for prefix in declared if shared else reversed(declared):
        app.include_router(router, prefix=prefix, dependencies=[declared[prefix]])
    assert (ask(app, "/a/it").cache_control, ask(app, "/b/it").cache_control) == ("max-age=60", "no-store")


def test_a_declaration_that_tests_override_does_not_count(ask: Ask) -> None:
    declaration = cache(max_age=60)
    app = application(declaration)
    app.dependency_overrides[declaration.dependency] = lambda: None
    assert ask(app, "/").cache_control is None
    assert ask(application(cache(max_age=1), declaration), "/").cache_control == "max-age=60"


def test_the_nearest_declaration_replaces_the_others_as_a_whole(ask: Ask) -> None:
    app = application(cache(groups="b"), dependencies=[cache(max_age=1, ttl=5, groups="a", errors=True)])
    reply = ask(app, "/")
    assert reply.cache_control is None
    assert reply["cache-groups"] == '"b"'
    assert ask(app, "/?status=404")["cache-groups"] is None


def test_a_parameter_may_be_annotated_with_a_declaration(ask: Ask) -> None:
    app = FastAPI()
    install(app)

    @app.get("/")
    async def endpoint(caching: Annotated[None, cache(max_age=60)]) -> Any:
        assert caching is None
        return {}

    assert ask(app, "/").cache_control == "max-age=60"


async def articles(_: Annotated[None, cache(max_age=60)]) -> list[str]:
    return ["one"]


def test_a_dependency_may_bring_a_declaration_along(ask: Ask) -> None:
    app = FastAPI()
    install(app)

    @app.get("/")
    async def endpoint(found: Annotated[list[str], Depends(articles)]) -> Any:
        return found

    reply = ask(app, "/")
    assert (reply.cache_control, reply.body) == ("max-age=60", b'["one"]')


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 422, 429, 451, 500, 501, 503])
def test_errors_are_not_declared_unless_asked_for(ask: Ask, status: int) -> None:
    assert ask(application(cache(max_age=60)), f"/?status={status}").cache_control is None


@pytest.mark.parametrize("status", [400, 404, 405, 410, 422, 451, 500, 503])
def test_errors_are_declared_where_asked_for(ask: Ask, status: int) -> None:
    every, one = application(cache(max_age=60, errors=True)), application(cache(max_age=60, errors=[404, 503]))
    assert ask(every, f"/?status={status}").cache_control == "max-age=60"
    assert ask(one, f"/?status={status}").cache_control == ("max-age=60" if status in (404, 503) else None)
    assert ask(one, "/").cache_control == "max-age=60"


@pytest.mark.parametrize("status", [401, 403, 407, 428, 429, 431, 511])
def test_errors_about_one_client_are_not_declared_for_everybody(ask: Ask, status: int) -> None:
    assert ask(application(cache(max_age=60, errors=True)), f"/?status={status}").cache_control is None


def test_an_error_about_credentials_is_declared_where_it_is_named(ask: Ask) -> None:
    assert ask(application(cache(max_age=60, errors={403})), "/?status=403").cache_control == "max-age=60"


def test_a_request_that_is_not_valid_is_an_error_like_others(ask: Ask) -> None:
    assert ask(application(cache(max_age=60)), "/?status=x").cache_control is None
    assert ask(application(cache(max_age=60, errors=[422])), "/?status=x").cache_control == "max-age=60"


def test_an_error_that_says_something_itself_keeps_it(ask: Ask) -> None:
    def raises(_: Response) -> Any:
        raise HTTPException(404, headers={"Cache-Control": "max-age=5"})

    assert ask(application(cache(max_age=60, public=True), answer=raises), "/").cache_control == "max-age=5"
    asked = application(cache(max_age=60, public=True, errors=True), answer=raises)
    assert ask(asked, "/").cache_control == "max-age=5, public"


@pytest.mark.parametrize(
    ("own", "value"),
    [
        ("max-age=5", "max-age=5, public"),
        ("no-store", "no-store"),
        ("private", "private, max-age=60"),
        ("no-transform", "no-transform, public, max-age=60, s-maxage=600"),
    ],
)
@pytest.mark.parametrize("returned", [True, False], ids=["on a Response", "on the parameter"])
def test_what_the_endpoint_says_itself_counts(ask: Ask, own: str, value: str, returned: bool) -> None:
    def answer(response: Response) -> Any:
        if returned:
            return JSONResponse({}, headers={"Cache-Control": own})
        response.headers["Cache-Control"] = own
        return {}

    app = application(cache(max_age=60, s_maxage=600, public=True), answer=answer)
    assert ask(app, "/").all("cache-control") == [value]


def test_several_lines_of_the_endpoint_become_one(ask: Ask) -> None:
    def answer(response: Response) -> Any:
        response.headers.append("Cache-Control", "no-transform")
        response.headers.append("Cache-Control", "max-age=5")
        return {}

    assert ask(application(cache(public=True), answer=answer), "/").all("cache-control") == [
        "no-transform, max-age=5, public"
    ]


def test_expires_of_the_endpoint_is_its_lifetime(ask: Ask) -> None:
    def answer(response: Response) -> Any:
        response.headers["Expires"] = "Sun, 06 Nov 1994 08:49:37 GMT"
        return {}

    assert ask(application(cache(max_age=60, public=True), answer=answer), "/").cache_control == "public"
    assert ask(application(cache(max_age=60), answer=answer), "/").cache_control is None


@pytest.mark.requirement("9205-4.9-02")
@pytest.mark.parametrize("declaration", [never_cache, never_cache()], ids=["as it stands", "called"])
@pytest.mark.parametrize("status", [200, 404, 429, 503])
def test_never_cache_says_no_store_whatever_happens(ask: Ask, declaration: Any, status: int) -> None:
    assert ask(application(declaration), f"/?status={status}").all("cache-control") == ["no-store"]


def test_never_cache_may_be_the_default_of_a_parameter_or_its_annotation(ask: Ask) -> None:
    app = FastAPI(dependencies=[cache(max_age=60)])
    install(app)

    @app.get("/default")
    async def default(_: Any = never_cache) -> Any:
        return {}

    @app.get("/annotated")
    async def annotated(_: Annotated[None, never_cache]) -> Any:
        return {}

    assert ask(app, "/default").cache_control == ask(app, "/annotated").cache_control == "no-store"


@pytest.mark.parametrize("declaration", [never_cache, cache(max_age=60)], ids=["never_cache", "cache"])
def test_a_declaration_inside_of_depends_fails_when_declared(declaration: Any) -> None:
    # It would be called, and declare nothing.
    with pytest.raises((TypeError, AssertionError)):
        FastAPI().get("/", dependencies=[Depends(declaration)])(refuses)
    default = Depends(declaration)
    with pytest.raises((TypeError, AssertionError)):
        FastAPI().get("/")(lambda _=default: None)
    with pytest.raises(TypeError, match="dependency already"):
        Depends(never_cache).dependency.__signature__  # noqa: B018


def test_a_route_may_be_cached_in_an_application_that_is_never_cached(ask: Ask) -> None:
    assert ask(application(cache(max_age=60), dependencies=[never_cache]), "/").cache_control == "max-age=60"


class Gateway:
    """What a cache around the application puts into the scope."""

    def __init__(self, *, caching: bool = True) -> None:
        self.fields: list[tuple[str, str]] = []
        self.caching = caching
        self.info = None


@pytest.mark.parametrize(
    ("arguments", "public", "local"),
    [
        ({"ttl": 600}, None, "max-age=600"),
        ({"ttl": timedelta(hours=1), "max_age": 60}, "max-age=60", "max-age=3600"),
        ({"ttl": 600, "no_cache": True, "public": True}, "public, no-cache", "max-age=600, public"),
        (
            {"ttl": 600, "max_age": 0, "private": ["Set-Cookie"], "stale_if_error": 9},
            'private="Set-Cookie", max-age=0, stale-if-error=9',
            'max-age=600, private="Set-Cookie", stale-if-error=9',
        ),
    ],
    ids=str,
)
def test_a_ttl_is_for_the_cache_around_the_application_alone(
    ask: Ask, arguments: dict[str, Any], public: str | None, local: str
) -> None:
    app = application(cache(**arguments))
    reply = ask(app, "/", cachespec=Gateway())
    assert (reply.cache_control, reply["cachespec-cache-control"]) == (public, local)
    for scope in ({}, {"cachespec": Gateway(caching=False)}):
        reply = ask(app, "/", **scope)
        assert (reply.cache_control, reply["cachespec-cache-control"]) == (public, None)
    assert ask(app, "/?status=404", cachespec=Gateway())["cachespec-cache-control"] is None


@pytest.mark.parametrize("own", ["no-store", "private", "no-cache", "max-age=9, private"])
def test_a_ttl_yields_to_what_the_endpoint_restricts(ask: Ask, own: str) -> None:
    app = application(cache(ttl=60), answer=lambda _: JSONResponse({}, headers={"Cache-Control": own}))
    reply = ask(app, "/", cachespec=Gateway())
    assert (reply.cache_control, reply["cachespec-cache-control"]) == (own, None)


def test_a_ttl_stands_beside_a_lifetime_that_the_endpoint_gives_to_others(ask: Ask) -> None:
    app = application(cache(ttl=60), answer=lambda _: JSONResponse({}, headers={"Cache-Control": "max-age=9"}))
    assert ask(app, "/", cachespec=Gateway())["cachespec-cache-control"] == "max-age=60"


def test_a_targeted_field_of_the_endpoint_counts(ask: Ask) -> None:
    own = {"Cachespec-Cache-Control": "max-age=9"}
    app = application(cache(ttl=60), answer=lambda _: JSONResponse({}, headers=own))
    assert ask(app, "/", cachespec=Gateway()).all("cachespec-cache-control") == ["max-age=9"]


async def later(request: Any) -> list[str]:
    return [f"article-{request.path_params['number']}", "articles"]


@pytest.mark.parametrize(
    ("groups", "value"),
    [
        ("articles", '"articles"'),
        (["a", "b", "a"], '"a", "b"'),
        (['über, "x"', "50%"], '"%C3%BCber, \\"x\\"", "50%"'),
        (lambda request: f"article-{request.path_params['number']}", '"article-7"'),
        (later, '"article-7", "articles"'),
        (lambda request: ["a\r\nb", request.query_params["q"]], '"a%0D%0Ab", "é%00"'.replace("é", "%C3%A9")),
        (lambda _: "x" * 300, f'"{"x" * 256}"'),
        (lambda _: [], None),
    ],
    ids=["one", "each once", "quoted", "made", "made later", "no control characters", "no longer than may be", "none"],
)
def test_groups_are_named_or_made_from_the_request(ask: Ask, groups: Any, value: str | None) -> None:
    app = FastAPI()
    install(app)

    @app.get("/{number}", dependencies=[cache(max_age=60, groups=groups)])
    async def endpoint(number: int) -> Any:
        return {}

    assert ask(app, "/7?q=%C3%A9%00")["cache-groups"] == value


def test_groups_of_the_endpoint_stay_beside_those_declared(ask: Ask) -> None:
    own = {"Cache-Groups": '"own"'}
    app = application(cache(groups="declared"), answer=lambda _: JSONResponse({}, headers=own))
    assert ask(app, "/").all("cache-groups") == ['"own"', '"declared"']


def test_a_response_with_more_groups_than_caches_look_at_is_not_kept_by_the_gateway(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    app = application(cache(ttl=60, max_age=60, groups=lambda _: map(str, range(129))))
    for _ in range(2):
        reply = ask(app, "/", cachespec=Gateway())
        assert reply["cachespec-cache-control"] == "no-store"
        assert reply["cache-groups"] is None
        assert reply.cache_control == "max-age=60"
    assert [record.getMessage() for record in caplog.records] == [
        "a response belongs to more groups than caches look at, and is not kept here"
    ]


def test_what_makes_groups_has_to_make_names(ask: Ask) -> None:
    with pytest.raises(TypeError, match=r"^groups: 1 is no name"):
        ask(application(cache(groups=lambda _: [1])), "/")


def test_a_stream_goes_out_chunk_by_chunk(ask: Ask) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    reply = ask(application(cache(max_age=60), answer=lambda _: StreamingResponse(chunks())), "/")
    assert [message.get("body") for message in reply.messages] == [None, b"a", b"b", b""]
    assert reply.cache_control == "max-age=60"


def test_a_response_object_that_is_sent_again_stays_as_it_is(ask: Ask) -> None:
    constant = JSONResponse({})
    app = application(cache(max_age=60, groups="a"), answer=lambda _: constant)
    assert ask(app, "/").lines == ask(app, "/").lines
    assert "cache-control" not in constant.headers
