from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from cachespec_fastapi import install, vary


def application(*dependencies: Any, own: str | None = None, **options: Any) -> FastAPI:
    app = FastAPI(**options)
    install(app)

    @app.get("/response", dependencies=dependencies)
    async def response() -> Any:
        return JSONResponse({}, headers={} if own is None else {"Vary": own})

    @app.get("/merged", dependencies=dependencies)
    async def merged(response: Response) -> Any:
        if own is not None:
            response.headers["Vary"] = own
        return {}

    @app.get("/error", dependencies=dependencies)
    async def error() -> Any:
        raise HTTPException(404, headers={} if own is None else {"Vary": own})

    return app


@pytest.mark.requirement("9205-4.9-03", "9110-12.5.5-04")
@pytest.mark.parametrize("path", ["/response", "/merged", "/error"])
@pytest.mark.parametrize(
    ("names", "own", "value"),
    [
        (["Accept-Language"], None, "Accept-Language"),
        (["Accept", "Accept-Language", "accept"], None, "accept, Accept-Language"),
        (["Accept"], "Origin", "Origin, Accept"),
        (["accept", "Cookie"], "Accept, Origin", "Accept, Origin, Cookie"),
        (["Accept"], "accept", "accept"),
        (["Accept"], "*", "*"),
        (["Accept"], "Origin, *", "Origin, *"),
        (["*"], None, "*"),
        (["*", "Accept"], "Origin", "*"),
        (["Accept"], "", "Accept"),
    ],
)
def test_names_are_added_to_those_of_the_response(
    ask: Any, names: list[str], own: str | None, value: str, path: str
) -> None:
    assert ask(application(vary(*names), own=own), path).all("vary") == [value]


NEAREST = vary("DNT")


def test_every_level_adds_its_names(ask: Any) -> None:
    app = FastAPI(dependencies=[vary("Accept")])
    install(app)
    router = APIRouter(dependencies=[vary("accept", "Origin")])

    @router.get("/", dependencies=[vary("Cookie")])
    async def endpoint(_: Any = NEAREST) -> Any:
        return {}

    app.include_router(router, dependencies=[vary("Accept-Language")])
    assert ask(app, "/").all("vary") == ["Accept, Accept-Language, Origin, Cookie, DNT"]


def test_middleware_further_out_adds_its_own(ask: Any) -> None:
    app = application(vary("Accept"))
    app.add_middleware(CORSMiddleware, allow_origins=["https://a.example"], allow_credentials=True)
    assert ask(app, "/merged", headers={"Origin": "https://a.example"}).all("vary") == ["Accept, Origin"]


@pytest.mark.parametrize("names", [("A B",), ("A, B",), ("",), (" A",), ("A\r\nB: c",), ("é",), ("A", "\n")], ids=repr)
def test_what_is_no_field_name_is_a_value_error(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"^names: "):
        vary(*names)


@pytest.mark.parametrize("names", [(), (1,), (None,), (["Accept"],)], ids=repr)
def test_what_is_no_name_at_all_is_a_type_error(names: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"^names: "):
        vary(*names)
