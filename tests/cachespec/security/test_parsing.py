"""Class 22, denial by parsing: whatever stands in a field is read without an exception, and in linear time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachespec import (
    Cache,
    Headers,
    Policy,
    Request,
    Response,
    field_names,
    parse_cache_status,
    parse_date,
    parse_entity_tag,
    request_directives,
    response_directives,
)
from cachespec.codec import decode, encode
from cachespec.directives import targeted_directives
from cachespec.explain import explain
from cachespec.fields import content_length, delta_seconds, entity_tags, members, unquote
from cachespec.keys import normalise_url, origin_of, resolve, vary_names, with_params, without_list_space, without_space
from cachespec.languages import preferred_language
from cachespec.no_vary_search import equivalent, parse
from cachespec.partial import parse_content_range
from cachespec.ranges import if_range
from cachespec.structured import parse_dictionary, parse_item, parse_list
from cachespec.testing import samples

NOW = 1_700_000_000.0
URL = "https://example.com/a"
GET = Request("GET", URL)
ENTRY = replace(samples.entry(URL), etag='"1"', length=10)
POLICIES = (Policy.strict(shared=False, no_vary_search=True), Policy.gateway())


class Live:
    """A response of the server's."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self.head = Response(200, lines)

    def chunks(self) -> Iterator[bytes]:
        yield b"hello"

    def close(self) -> None:
        pass


def asked(cache: Cache, request: Request, live: Live) -> None:
    answer = cache.fetch(request, lambda _: live)
    assert b"".join(answer.content) is not None
    answer.content.close()


def as_request(name: str) -> Callable[[str], None]:
    """Everything that reads the field `name` of a request, on its way through a cache that has something to answer."""
    caches = [Cache(policy=policy, clock=lambda: NOW) for policy in POLICIES]
    live = Live(("Cache-Control", "public, max-age=60"), ("ETag", '"1"'), ("Vary", "Accept, Accept-Language"))
    for cache in caches:
        asked(cache, GET, live)

    def read(value: str) -> None:
        for cache in caches:
            asked(cache, Request("GET", URL, [(name, value)]), live)

    return read


def as_response(name: str) -> Callable[[str], None]:
    """Everything that reads the field `name` of a response, to a request and to one that changes something."""

    def read(value: str) -> None:
        for policy in POLICIES:
            cache = Cache(policy=policy, clock=lambda: NOW)
            for method in ("GET", "POST", "GET"):
                asked(cache, Request(method, URL), Live(("Cache-Control", "max-age=60"), (name, value)))

    return read


PARSERS: dict[str, Callable[[str], Any]] = {
    "response_directives": response_directives,
    "request_directives": request_directives,
    "targeted_directives": targeted_directives,
    "field_names": field_names,
    "vary_names": vary_names,
    "members": members,
    "unquote": unquote,
    "delta_seconds": delta_seconds,
    "content_length": content_length,
    "parse_entity_tag": parse_entity_tag,
    "entity_tags": entity_tags,
    "parse_date": lambda value: parse_date(value, NOW),
    "parse_dictionary": parse_dictionary,
    "parse_list": parse_list,
    "parse_item": parse_item,
    "parse_cache_status": parse_cache_status,
    "No-Vary-Search": lambda value: equivalent(URL, URL + "?a=1", parse(value)),
    "parse_content_range": parse_content_range,
    "preferred_language": preferred_language,
    "if_range": lambda value: if_range(value, Headers([("ETag", '"1"')]), NOW),
    "without_space": without_space,
    "without_list_space": without_list_space,
    "normalise_url": normalise_url,
    "origin_of": origin_of,
    "resolve": lambda value: resolve(URL, value),
    "query": lambda value: with_params(f"{URL}?{value}", ["a*"], sort=True),
    "explain": lambda value: explain(GET, Response(200, [("Cache-Control", value)]), Policy(), NOW),
    **{
        f"request {name}": as_request(name)
        for name in (
            *("cache-control", "pragma", "range", "if-range", "if-match", "if-none-match", "if-modified-since"),
            *("if-unmodified-since", "authorization", "accept", "accept-language"),
        )
    },
    **{
        f"response {name}": as_response(name)
        for name in (
            *("cache-control", "cachespec-cache-control", "pragma", "expires", "date", "age", "vary", "etag"),
            *("last-modified", "content-length", "content-range", "transfer-encoding", "set-cookie", "connection"),
            *("location", "content-location", "cache-groups", "cache-group-invalidation", "no-vary-search"),
        )
    },
}
PIECES = [
    *(
        '"',
        "\\",
        ",",
        ";",
        "=",
        " ",
        "\t",
        "(",
        ")",
        "*",
        "?",
        "&",
        "%",
        "%41",
        ":",
        "/",
        "//",
        "#",
        "@",
        "[",
        "]",
        "-",
    ),
    *(".", "W/", "bytes=", "bytes ", "0", "1", "9" * 30, "a", "Z", "\x00", "\r\n", "\x7f", "\x80", "\xff", "é", "€"),
    *("max-age", "no-cache", "private", "params", "Mon", "GMT", "Nov", "1994", "q=0.5", "q=", "https://", "?1", "@1"),
]
MIXED = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=60)


@pytest.mark.parametrize("name", PARSERS)
@given(value=MIXED)
@settings(max_examples=30, deadline=None)
def test_22_no_text_makes_a_parser_fail(name: str, value: str) -> None:
    PARSERS[name](value)


LONG = 20_000
NASTY = {
    "quotes": '"' * LONG,
    "escapes": '"' + '\\"' * (LONG // 2),
    "backslashes": '"' + "\\" * LONG,
    "commas": "," * LONG,
    "members": "a," * (LONG // 2),
    "quoted commas": 'a=",",' * (LONG // 6),
    "spaces": "a" + " " * LONG + "b",
    "spaced commas": " , " * (LONG // 3),
    "parameters": ";a" * (LONG // 2),
    "digits": "1" * LONG,
    "age of digits": "max-age=" + "9" * LONG,
    "parentheses": "(" * LONG,
    "closed parentheses": "()" * (LONG // 2),
    "ranges": "bytes=" + "0-1," * (LONG // 4),
    "tags": '"a", ' * (LONG // 5),
    "weak": "W/" * (LONG // 2),
    "percents": "%" * LONG,
    "pairs": "&a=1" * (LONG // 4),
    "dots": "/../." * (LONG // 5),
    "slashes": "/" * LONG,
    "colons": ":" * LONG,
    "base64": ":" + "A" * LONG,
    "dashes": "-" * LONG,
    "languages": "en-gb;q=0.5," * (LONG // 12),
}


@pytest.mark.parametrize("name", PARSERS)
def test_22_no_length_of_text_holds_a_parser_up(name: str) -> None:
    """What takes time with the square of the length would take minutes; the limit is far from what is needed."""
    for kind, value in NASTY.items():
        began = time.process_time()
        PARSERS[name](value)
        assert time.process_time() - began < 2.0, kind


@given(st.binary(max_size=300))
def test_22_whatever_octets_lie_in_a_store_are_read_or_nothing(octets: bytes) -> None:
    for front in (b"", b"cse2", b"csv1"):
        decode(front + octets)


@given(st.data())
@settings(max_examples=200)
def test_22_a_damaged_item_is_read_or_nothing(data: st.DataObject) -> None:
    octets = bytearray(encode(ENTRY))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    decode(bytes(octets)[: data.draw(st.integers(0, len(octets)))])


def test_22_lengths_that_are_claimed_are_checked_before_anything_is_made_of_them() -> None:
    octets = encode(ENTRY)
    for at in range(4, len(octets) - 4):
        decode(octets[:at] + b"\xff\xff\xff\xff" + octets[at + 4 :])
