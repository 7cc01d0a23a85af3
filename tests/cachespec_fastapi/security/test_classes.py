"""Classes of attacks that reach declarations, by the numbers of the documentation's security page."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, HTTPException

from cachespec_fastapi import cache, etag, install, vary

EVIL = ["a\r\nSet-Cookie: evil=1", "a\nb", "a\0b", "a\x7f"]


@pytest.mark.parametrize("evil", EVIL, ids=repr)
def test_12_no_name_with_a_line_break_is_declared(evil: str) -> None:
    with pytest.raises(ValueError, match="names: "):
        vary(evil)
    with pytest.raises(ValueError, match="private: "):
        cache(private=[evil])
    with pytest.raises(ValueError, match="no_cache: "):
        cache(no_cache=[evil], max_age=60)
    with pytest.raises(ValueError, match="groups: "):
        cache(max_age=60, groups=[evil])


@pytest.mark.parametrize("evil", EVIL, ids=repr)
@pytest.mark.parametrize("installed", [False, True])
def test_12_no_line_break_gets_into_a_tag_or_a_group_while_requests_are_served(
    ask: Any, evil: str, installed: bool
) -> None:
    app = FastAPI()
    if installed:
        install(app)

    def named() -> str:
        return evil

    @app.get("/", dependencies=[etag(named)])
    async def endpoint() -> dict[str, str]:
        return {"a": "b"}

    reply = ask(app, "/")
    assert not [line for line in reply.lines if set("\r\n\0") & set("".join(line))]
    assert "set-cookie" not in {name.lower() for name, _ in reply.lines}


def test_11_an_error_is_not_declared_to_last(ask: Any) -> None:
    app = FastAPI()
    install(app)

    @app.get("/", dependencies=[cache(max_age=60, public=True)])
    async def endpoint() -> None:
        raise HTTPException(503)

    reply = ask(app, "/")
    assert reply.status == 503
    assert "max-age" not in str(reply.lines)
