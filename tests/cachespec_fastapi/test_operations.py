from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from fastapi import APIRouter, Cookie, Depends, FastAPI, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.staticfiles import StaticFiles

from cachespec_fastapi import cache, etag, never_cache, vary
from cachespec_fastapi.operations import _found, declarations_of, learn, operations

if TYPE_CHECKING:
    from somewhere import Unknown  # type: ignore[import-not-found]

bearer, key = HTTPBearer(), APIKeyCookie(name="key")
FIRST, SECOND, THIRD = cache(max_age=1), vary("Accept"), cache(max_age=3)


class Settings:
    """A class may be a dependency, named by the annotation alone."""

    def __init__(self, theme: Annotated[str, Cookie(alias="theme-name")], _: Any = THIRD) -> None: ...


def session(request: Request, language: str = Cookie("en"), _: Any = SECOND) -> None: ...


def with_unknown_names(unknown: Unknown, _: Any = THIRD) -> None: ...


async def endpoint(
    settings: Annotated[Settings, Depends()],
    _: Annotated[str, Depends(key)],
    __: Annotated[Any, Depends(bearer)],
    number: int = 1,
) -> Any:
    return {}


LAST = THIRD.dependency


async def with_default(_: Any = THIRD) -> Any: ...


def only(app: FastAPI) -> Any:
    (found,) = [operation for operation in operations(app) if operation.path == "/"]
    return found


def test_what_an_operation_declares_is_found_wherever_it_stands() -> None:
    app = FastAPI(dependencies=[FIRST])
    router = APIRouter(dependencies=[Depends(session)])
    router.add_api_route("/", endpoint, methods=["POST", "GET"], include_in_schema=False)
    app.include_router(router)
    operation = only(app)
    assert str(operation) == "GET, POST / (endpoint)"
    assert not operation.in_schema
    findings = operation.findings
    assert findings.declarations == [depends.dependency for depends in (FIRST, SECOND, THIRD)]
    assert findings.cookies == ["language", "theme-name", "key"]
    assert findings.credentials == ["HTTPBearer"]
    assert findings.sees_request


def test_what_is_not_an_operation_of_ours_is_left_out() -> None:
    app = FastAPI(openapi_url=None)
    app.mount("/static", StaticFiles(directory="/", check_dir=False))
    app.add_route("/plain", lambda request: None)
    app.add_api_websocket_route("/socket", endpoint)
    assert list(operations(app)) == []


def test_a_declaration_does_not_count_as_looking_at_the_request() -> None:
    app = FastAPI()
    app.add_api_route("/", endpoint, dependencies=[never_cache, etag(lambda: "v1"), FIRST])
    assert not only(app).findings.sees_request


def test_annotations_that_only_a_type_checker_can_read_are_passed_over() -> None:
    class Route:
        dependencies: list[Any] = []  # noqa: RUF012 - as FastAPI has it
        endpoint = staticmethod(with_unknown_names)

    assert declarations_of(Route()) == (THIRD.dependency,)


@pytest.mark.parametrize("route", [None, object(), APIRouter()], ids=["none", "something", "a router"])
def test_nothing_is_declared_for_what_is_no_path_operation(route: Any) -> None:
    assert declarations_of(route) == ()


def test_a_route_is_forgotten_when_it_goes() -> None:
    def there() -> int:
        app = FastAPI()
        app.add_api_route("/", endpoint, dependencies=[FIRST])
        route = only(app).route
        assert declarations_of(route) == declarations_of(route) == (FIRST.dependency, THIRD.dependency)
        return id(route)

    key = there()
    gc.collect()
    assert key not in _found


def test_what_stands_where_a_router_is_included_is_learnt() -> None:
    app = FastAPI(dependencies=[FIRST])
    router = APIRouter()
    router.add_api_route("/", endpoint)
    app.include_router(router, dependencies=[SECOND])
    learn(operations(app))
    assert declarations_of(only(app).route) == tuple([depends.dependency for depends in (FIRST, SECOND, THIRD)])


def test_a_router_that_is_included_twice_does_not_tell_which_one_is_meant() -> None:
    app = FastAPI()
    router = APIRouter()
    router.add_api_route("/", with_default)
    app.include_router(router, prefix="/a", dependencies=[FIRST])
    app.include_router(router, prefix="/b", dependencies=[SECOND, FIRST])
    found = [operation for operation in operations(app) if operation.name == "with_default"]
    learn(found)
    for operation in found:
        copied = operation.route.path != "/"  # as FastAPI once did, so that each has its own
        assert declarations_of(operation.route) == (tuple(operation.findings.declarations) if copied else (LAST,))
