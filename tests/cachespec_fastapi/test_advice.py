from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Cookie, Depends, FastAPI, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from cachespec_fastapi import cache, never_cache, vary
from cachespec_fastapi.advice import advice as advice_on
from cachespec_fastapi.operations import operations


class SessionMiddleware:
    """By its name, Starlette's; which cannot be imported everywhere."""

    def __init__(self, app: Any) -> None: ...


def advice(app: FastAPI) -> list[str]:
    return list(advice_on(app, operations(app)))


async def plain() -> Any: ...


async def with_request(request: Request) -> Any: ...


async def with_cookie(user: Annotated[str, Cookie()]) -> Any: ...


async def with_key(key: Annotated[str, Depends(APIKeyCookie(name="session"))]) -> Any: ...


async def with_token(token: Annotated[Any, Depends(HTTPBearer())]) -> Any: ...


def application(endpoint: Any, *dependencies: Any, methods: Any = ("GET",)) -> FastAPI:
    app = FastAPI()
    app.add_api_route("/it", endpoint, methods=list(methods), dependencies=dependencies, name="it")
    return app


SHARED = [cache(max_age=60, public=True), cache(s_maxage=60), cache(ttl=61), cache(ttl=62, no_cache=True)]
ASKING = [*SHARED, cache(max_age=60), cache(private=True, max_age=60), cache(stale_if_error=60)]
MODEST = [
    never_cache,
    cache(no_cache=True),
    cache(max_age=0),
    cache(groups="a", no_transform=True),
]
anything = pytest.mark.parametrize("declaration", ASKING, ids=lambda depends: depends.dependency.words)


@anything
def test_a_declaration_that_can_do_what_it_says_is_not_spoken_of(declaration: Any) -> None:
    assert advice(application(plain, declaration)) == []
    assert advice(application(plain, declaration, methods=["GET", "POST"])) == []


@anything
@pytest.mark.parametrize("methods", [["POST"], ["PUT", "DELETE"]], ids=str)
def test_a_method_whose_responses_are_not_stored_is_told(declaration: Any, methods: list[str]) -> None:
    (words,) = advice(application(plain, declaration, methods=methods))
    assert words.startswith(f"{', '.join(sorted(methods))} /it (it) can never be cached, although it says ")
    assert words.endswith(f": Responses to {max(methods)} are not stored here. (RFC 9111 §3)")
    assert repr(declaration.dependency.words) in words


@anything
def test_a_response_that_varies_on_everything_is_told(declaration: Any) -> None:
    (words,) = advice(application(plain, declaration, vary("Accept", "*")))
    assert "Vary says that no other request can be given this response. (RFC 9111 §4.1)" in words


@pytest.mark.parametrize("declaration", SHARED, ids=lambda depends: depends.dependency.words)
def test_a_response_that_varies_on_what_gateways_refuse_is_told(declaration: Any) -> None:
    (words,) = advice(application(plain, declaration, vary("Cookie")))
    assert "The response varies on cookie" in words
    assert advice(application(plain, cache(private=True, max_age=60), vary("Cookie"))) == []


@pytest.mark.parametrize("declaration", MODEST, ids=lambda depends: depends.dependency.words)
@pytest.mark.parametrize("endpoint", [plain, with_cookie, with_token, with_request])
def test_a_declaration_that_asks_for_nothing_is_not_spoken_of(declaration: Any, endpoint: Any) -> None:
    app = application(endpoint, declaration, vary("*"), methods=["POST"])
    app.add_middleware(SessionMiddleware)
    assert advice(app) == []


def test_a_declaration_for_a_whole_router_is_meant_for_those_that_it_fits() -> None:
    app = FastAPI()
    router = APIRouter(dependencies=[cache(max_age=60)])
    router.add_api_route("/a", plain)
    router.add_api_route("/a", plain, methods=["POST"])
    app.include_router(router)
    assert advice(app) == []


def test_the_nearest_declaration_is_what_is_spoken_of() -> None:
    app = FastAPI(dependencies=[never_cache])
    app.add_api_route("/a", plain, methods=["POST"], dependencies=[cache(max_age=60)])
    app.add_api_route("/b", plain, methods=["POST"], dependencies=[cache(max_age=60), never_cache])
    assert [words.split(" ", 3)[:2] for words in advice(app)] == [["POST", "/a"]]


@pytest.mark.parametrize("declaration", SHARED, ids=lambda depends: depends.dependency.words)
@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        (with_cookie, "reads the cookie 'user'"),
        (with_key, "reads the cookie 'session'"),
        (with_token, "checks credentials (HTTPBearer), which nobody does when a cache answers"),
    ],
)
def test_one_response_for_all_that_depends_on_who_asks_is_told(declaration: Any, endpoint: Any, words: str) -> None:
    (said,) = advice(application(endpoint, declaration))
    assert said == (
        f"GET /it (it) says {declaration.dependency.words!r}, and so one response is for every user, but it {words}"
    )
    assert advice(application(endpoint, cache(private=True, max_age=60))) == []


def test_one_response_for_all_that_may_look_at_the_session_is_told() -> None:
    app = application(with_request, cache(max_age=60, public=True))
    assert advice(app) == []
    app.add_middleware(SessionMiddleware)
    (said,) = advice(app)
    assert said.endswith(
        "takes the request, and with its session the response would vary by cookie and never be cached"
    )
    app = application(plain, cache(max_age=60, public=True))
    app.add_middleware(SessionMiddleware)
    assert advice(app) == []
