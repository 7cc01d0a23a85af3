"""Class 22, denial by parsing: whatever octets a server lets through, a request is answered and nobody waits."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachespec_asgi import CacheControlMiddleware, CacheMiddleware, PurgeEndpoint, Rule, vary_on

pytestmark = pytest.mark.anyio

TOKEN = "a token that nobody guesses"
BEARING = [
    *(b"host", b"cache-control", b"pragma", b"range", b"if-range", b"if-none-match", b"if-modified-since", b"cookie"),
    *(b"content-length", b"transfer-encoding", b"authorization", b"x-forwarded-host", b"x-http-method-override"),
    *(b"accept", b"accept-language", b"if-match", b"if-unmodified-since", b"x-a"),
]
VALUES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"max-age=0", b"bytes=0-1,3-", b"bytes=-0", b'"1", W/"2"', b"*", b"no-cache", b"0", b"chunked"]),
)
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(
    lines=st.lists(st.tuples(st.sampled_from(BEARING), VALUES), max_size=6),
    path=st.binary(max_size=30),
    query=st.binary(max_size=30),
    method=st.sampled_from(["GET", "HEAD", "POST", "QUERY", "OPTIONS", "PURGE", "get", ""]),
)
@QUIET
async def test_22_no_request_makes_it_fail(
    client: Any, origin: Any, scope: Any, lines: Any, path: bytes, query: bytes, method: str
) -> None:
    rules = [Rule(prefix="/", ttl=60, vary_by=["x-a"], ignore_params=["a*"], sort_params=True)]
    for app in (CacheMiddleware(origin), CacheMiddleware(origin, rules=rules, hosts=["example.com"])):
        call = client(app)
        for _ in range(2):
            made = scope("/", method=method)
            made["path"], made["raw_path"], made["query_string"] = path.decode("latin-1"), path, query
            made["headers"] += lines
            assert 200 <= (await call(scope=made)).status <= 504


@given(content=st.one_of(st.binary(max_size=60), st.sampled_from([b"[" * 30_000, b'{"a":' * 10_000, b"1" * 60_000])))
@QUIET
async def test_22_nothing_that_is_sent_to_the_purge_endpoint_makes_it_fail(
    client: Any, origin: Any, content: bytes
) -> None:
    call = client(CacheMiddleware(origin, purge=PurgeEndpoint("/purge", token=TOKEN)))
    headers = [("content-type", "application/json"), ("authorization", f"Bearer {TOKEN}")]
    reply = await call("/purge", method="POST", content=content, headers=headers)
    assert reply.status == 400
    assert origin.calls == 0


@given(value=st.text(alphabet=st.sampled_from('",=;\\ \tab1*-'), max_size=60))
@QUIET
async def test_22_no_cache_control_or_vary_of_an_application_makes_the_decorators_fail(
    client: Any, origin: Any, value: str
) -> None:
    origin.headers = [("cache-control", value), ("vary", value)]
    app = CacheControlMiddleware(vary_on("x-a")(origin), max_age=60, no_transform=False, public=True)
    assert (await client(CacheMiddleware(app))("/a")).status == 200


@pytest.mark.parametrize("piece", ['"', "\\", '"\\', ",", "a,", 'a=",', " ", "a=b;"], ids=repr)
async def test_22_no_length_of_a_field_holds_the_decorators_up(client: Any, origin: Any, piece: str) -> None:
    """What takes time with the square of the length would take minutes; the limit is far from what is needed."""
    origin.headers = [("cache-control", piece * 50_000), ("vary", piece * 50_000)]
    app = CacheControlMiddleware(vary_on("x-a")(origin), max_age=60, no_transform=False)
    began = time.process_time()
    await client(CacheMiddleware(app))("/a")
    assert time.process_time() - began < 2.0
