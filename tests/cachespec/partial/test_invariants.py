"""Whatever ranges are asked for, in whatever order, and whatever changes meanwhile: no octet is ever out of place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

LENGTH = 30

POSITION = st.integers(0, LENGTH + 2)
RANGE = st.one_of(
    st.just(None),
    st.tuples(POSITION, POSITION).map(lambda ends: f"{min(ends)}-{max(ends)}"),
    POSITION.map(lambda first: f"{first}-"),
    st.integers(1, LENGTH + 2).map(lambda length: f"-{length}"),
)
STEP = st.one_of(
    st.tuples(st.just("ask"), RANGE),
    st.tuples(st.just("ask"), RANGE),
    st.tuples(st.just("ask"), RANGE),
    st.tuples(st.just("confirm"), RANGE),
    st.tuples(st.just("change"), st.sampled_from(["strong", "weak", "none"])),
    st.tuples(st.just("wait"), st.sampled_from([1, 61])),
    st.tuples(st.just("cut"), RANGE),
    st.tuples(st.just("rude"), st.none()),
)


def contents(version: int) -> bytes:
    """What there is to be had at one time; no octet of it is that of another time, or of another place."""
    return bytes([version * LENGTH + at for at in range(LENGTH)])


def selected(value: str | None) -> tuple[int, int]:
    """Which bytes of the content a range selects; nothing where it is unsatisfiable."""
    if value is None:
        return 0, LENGTH
    first, _, last = value.partition("-")
    if not first:
        return max(0, LENGTH - int(last)), LENGTH
    return int(first), min(LENGTH, int(last) + 1) if last else LENGTH


@pytest.mark.requirement("9111-3.3-05", "9111-3.3-06", "9111-3.4-01")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=14))
@example(steps=[("ask", "0-4"), ("ask", "20-29"), ("ask", "3-12"), ("ask", None), ("ask", None)])
@example(steps=[("ask", "0-9"), ("rude", None), ("change", "strong"), ("ask", None), ("ask", "2-4")])
@example(steps=[("ask", "10-25"), ("ask", "5-14"), ("ask", "16-20"), ("ask", "20-29"), ("ask", "24-26")])
@example(steps=[("ask", "0-9"), ("cut", None), ("ask", None), ("ask", None)])
def test_every_answer_is_of_one_piece(steps: list[tuple[str, Any]], make: Callable[..., Any]) -> None:
    # So small that parts lie beside the head, and by themselves, and come in pieces.
    with mock.patch("cachespec.record.INLINE", 8), mock.patch("cachespec.record.PIECE", 6):
        lab, origin = make()
        origin.content, origin.piece, version = contents(0), 4, 0
        for name, value in steps:
            if name == "wait":
                lab.wait(value)
            elif name == "rude":
                origin.obeys_if_range = not origin.obeys_if_range
            elif name == "change":
                version = (version + 1) % 8
                tag = {"strong": f'"{version}"', "weak": f'W/"{version}"', "none": None}[value]
                origin.content, origin.etag = contents(version), tag
            elif name == "cut":
                origin.instead = cut(origin)
            else:
                ask(lab, value, {"Cache-Control": "no-cache"} if name == "confirm" else {})
        lab.cache.clear()
        assert (lab.bodies, lab.store.bytes) == (set(), 0)


def cut(origin: Any) -> Callable[[Any], Any]:
    """Has the origin break off once."""

    def answer(request: Any) -> Any:
        live = origin.answer(request)
        live.script = [*live.script[:1], ConnectionError("lost")]
        return live

    return answer


def ask(lab: Any, value: str | None, lines: dict[str, str]) -> None:
    try:
        reply = lab.get(lines if value is None else {"Range": f"bytes={value}", **lines})
    except ConnectionError:
        return
    start, stop = selected(value)
    if reply.status == 416:
        assert start >= stop
        return
    whole = reply.status == 200
    assert whole or reply.status == 206
    if whole:
        start, stop = 0, LENGTH
    else:
        assert reply.headers["content-range"] == f"bytes {start}-{stop - 1}/{LENGTH}"
    assert reply.headers["content-length"] == str(stop - start)
    tag = reply.headers.get("etag")
    versions = range(8) if tag is None else [int(tag.strip('W/"').replace("a", "0"))]
    assert reply.body in [contents(version)[start:stop] for version in versions]
