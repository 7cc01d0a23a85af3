from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from cachespec_fastapi import cache, etag, install, last_modified, never_cache, vary


class Article(BaseModel):
    title: str


async def endpoint(number: int) -> Any: ...


def application(*dependencies: Any, installed: bool = True, **options: Any) -> FastAPI:
    app = FastAPI()
    if installed:
        install(app)
    app.add_api_route("/{number}", endpoint, dependencies=dependencies, **{"methods": ["GET"], **options})
    return app


def responses(app: FastAPI, method: str = "get") -> dict[str, Any]:
    found: dict[str, Any] = app.openapi()["paths"]["/{number}"][method]["responses"]
    return found


def header(words: str, example: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"description": words, "schema": {"type": "string"}}
    return found if example is None else {**found, "example": example}


SAYS = header("What caches may do with the response: public, max-age=60", "public, max-age=60")


def test_the_policy_of_a_route_is_a_header_of_its_responses() -> None:
    described = responses(application(cache(max_age=60, public=True)))
    assert described["200"]["headers"] == {"Cache-Control": SAYS}
    assert "headers" not in described["422"]


def test_errors_have_it_where_they_are_asked_for() -> None:
    described = responses(application(cache(max_age=60, public=True, errors=[422])))
    assert described["422"]["headers"] == {"Cache-Control": SAYS}


def test_the_policy_is_that_of_the_nearest_declaration() -> None:
    app = FastAPI(dependencies=[cache(max_age=60)])
    install(app)
    router = APIRouter()
    router.add_api_route("/{number}", endpoint, dependencies=[never_cache])
    app.include_router(router)
    for status in ("200", "422"):
        assert responses(app)[status]["headers"]["Cache-Control"]["example"] == "no-store"


def test_a_declaration_of_groups_alone_shows_no_policy() -> None:
    assert "headers" not in responses(application(cache(groups="a")))["200"]


@pytest.mark.parametrize(
    ("names", "value"), [([["Accept"], ["Cookie", "Accept"]], "Accept, Cookie"), ([["*", "Accept"]], "*")]
)
def test_what_a_response_varies_on_is_shown(names: list[list[str]], value: str) -> None:
    described = responses(application(*[vary(*group) for group in names]))
    shown = header(f"What the response depends on in the request: {value}", value)
    assert described["200"]["headers"] == described["422"]["headers"] == {"Vary": shown}


def test_validators_are_shown_with_the_answer_to_conditional_requests() -> None:
    described = responses(application(etag("v1"), last_modified(0), cache(max_age=60, public=True)))
    shown = {
        "Cache-Control": SAYS,
        "ETag": header("The version of what is there, for conditional requests."),
        "Last-Modified": header("When what is there changed last, for conditional requests."),
    }
    assert described["200"]["headers"] == shown
    assert described["304"] == {"description": "Not Modified", "headers": shown}


def test_the_tag_of_the_body_is_shown() -> None:
    described = responses(application(etag()))
    assert described["200"]["headers"] == {"ETag": header("The digest of the content, for conditional requests.")}
    assert "304" in described


def test_a_change_has_no_304() -> None:
    described = responses(application(etag("v1"), etag(), methods=["PUT"]), "put")
    assert set(described) == {"200", "422"}
    assert "headers" not in described["200"]


def test_what_the_application_says_itself_stays() -> None:
    own: dict[int | str, dict[str, Any]] = {
        200: {"headers": {"Cache-Control": {"description": "mine"}}},
        304: {"description": "Mine"},
        "default": {"description": "else"},
    }
    described = responses(application(etag("v1"), cache(max_age=60), responses=own))
    assert described["200"]["headers"]["Cache-Control"] == {"description": "mine"}
    assert described["304"]["description"] == "Mine"
    assert described["default"] == {"description": "else"}


def test_nothing_that_a_generated_client_handles_is_changed() -> None:
    declared = [cache(max_age=60), vary("Accept")]
    with_us = application(*declared, response_model=Article).openapi()
    without = application(response_model=Article, installed=False).openapi()
    for response in with_us["paths"]["/{number}"]["get"]["responses"].values():
        response.pop("headers", None)
    assert with_us == without
    # Conditional requests: one more response, without content, that only a client gets that asks for it.
    conditional = application(*declared, etag("v1"), response_model=Article).openapi()
    described = conditional["paths"]["/{number}"]["get"]
    assert "content" not in described["responses"].pop("304")
    assert described["parameters"] == without["paths"]["/{number}"]["get"]["parameters"]
    assert conditional["components"] == without["components"]


def test_routes_that_are_added_later_are_shown_too() -> None:
    app = application(cache(max_age=60, public=True))
    assert app.openapi() is app.openapi()
    app.openapi_schema = None
    app.add_api_route("/later/{number}", endpoint, dependencies=[cache(max_age=1)])
    described = app.openapi()["paths"]["/later/{number}"]["get"]["responses"]["200"]["headers"]
    assert described["Cache-Control"]["example"] == "max-age=1"


def test_what_is_not_in_the_schema_stays_out_of_it() -> None:
    app = application(cache(max_age=60), include_in_schema=False)
    app.add_api_route("/{number}", endpoint, methods=["POST"])
    assert list(app.openapi()["paths"]["/{number}"]) == ["post"]
    assert "headers" not in responses(app, "post")["200"]


def test_a_schema_of_the_application_s_own_making_is_described_as_far_as_it_goes() -> None:
    app = FastAPI()
    own: dict[str, Any] = {"paths": {"/other": {"get": {}}, "/{number}": {"post": {}}}}
    app.openapi = lambda: own  # type: ignore[method-assign]
    install(app)
    app.add_api_route("/{number}", endpoint, dependencies=[cache(max_age=60)])
    app.add_api_route("/other", endpoint, dependencies=[etag("v1")])
    assert app.openapi()["paths"]["/{number}"] == {"post": {}}
    assert list(app.openapi()["paths"]["/other"]["get"]["responses"]) == ["304"]
