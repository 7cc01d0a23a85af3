"""What is stored, as octets, and what is not taken for it."""

from __future__ import annotations

import dataclasses
import time
import timeit
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachespec import Entry, Headers
from cachespec.codec import ENTRY, LIMIT, Seal, decode, encode
from cachespec.entries import Part, Variants
from cachespec.testing import samples

URL = "https://example.com/a"
ANY_TEXT = st.text(st.characters(codec=None, min_codepoint=0, max_codepoint=0xE000), max_size=12)
NAMES = st.text("abcXYZ019-_!", min_size=1, max_size=8)
VALUES = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=12).map(
    lambda v: v.strip(" \t")
)
LINES = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(tuple)
TIMES = st.floats(allow_nan=False, allow_infinity=False, width=32)
WINDOWS = st.integers(0, 2**63 - 1)
KEYS = st.binary(min_size=64, max_size=64)

POSITIONS = st.integers(0, 2**40)


def in_a_row(pieces: list[tuple[int, bytes | tuple[int, str, int]]]) -> tuple[Part, ...]:
    """Parts with these gaps before them: octets that lie here, or a length, a body's name and what comes before."""
    parts: list[Part] = []
    at = 0
    for gap, piece in pieces:
        start = at + gap
        if isinstance(piece, bytes):
            parts.append(Part(start, start + len(piece), piece))
        else:
            length, name, skip = piece
            parts.append(Part(start, start + length, None, name, skip))
        at = parts[-1].stop
    return tuple(parts)


PARTS = st.lists(
    st.tuples(POSITIONS, st.binary(min_size=1, max_size=9) | st.tuples(st.integers(1, 2**40), NAMES, POSITIONS)),
    max_size=3,
).map(in_a_row)

ENTRIES = st.builds(
    Entry,
    url=ANY_TEXT,
    method=NAMES,
    selecting=st.lists(st.tuples(ANY_TEXT, st.none() | ANY_TEXT), max_size=4).map(tuple),
    status=st.integers(200, 599),
    reason=VALUES,
    headers=LINES.map(Headers),
    request_time=TIMES,
    response_time=TIMES,
    initial_age=TIMES,
    lifetime=TIMES,
    source=NAMES,
    date=TIMES,
    while_revalidate=WINDOWS,
    if_error=WINDOWS,
    etag=st.none() | VALUES,
    last_modified=st.none() | VALUES,
    groups=st.lists(ANY_TEXT, max_size=3).map(tuple),
    withheld=LINES,
    created=TIMES,
    validate=st.booleans(),
    never_stale=st.booleans(),
    no_max_stale=st.booleans(),
    immutable=st.booleans(),
    explicit=st.booleans(),
).flatmap(
    lambda entry: st.one_of(
        st.binary(max_size=50).map(lambda body: dataclasses.replace(entry, body=body, length=len(body))),
        st.tuples(st.integers(0, 2**62), st.none() | NAMES).map(
            lambda body: dataclasses.replace(entry, length=body[0], body_id=body[1])
        ),
        st.tuples(PARTS, POSITIONS).map(
            lambda found: dataclasses.replace(
                entry, parts=found[0], length=found[1] + (found[0][-1].stop if found[0] else 0)
            )
        ),
    )
)
SETS = st.lists(st.lists(NAMES, max_size=3).map(tuple), max_size=4).map(tuple)
PAIRS = st.lists(st.tuples(ANY_TEXT, KEYS), max_size=3).map(tuple)
RECORDS = st.builds(
    Variants,
    url=ANY_TEXT,
    generation=st.binary(min_size=16, max_size=16),
    names=SETS,
    count=st.integers(0, 2**40),
    tags=PAIRS,
    languages=PAIRS,
)
ITEMS = ENTRIES | RECORDS


def exact(item: Entry | Variants) -> dict[str, Any]:
    """Every field, header lines as they are."""
    fields = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    if isinstance(item, Entry):
        fields["headers"] = item.headers.lines
    return fields


@given(ITEMS)
def test_an_item_comes_back_as_it_was(item: Entry | Variants) -> None:
    back = decode(encode(item))
    assert back is not None
    assert exact(back) == exact(item)


def different(field: dataclasses.Field[Any], value: Any) -> Any:
    """A value of the same kind that is not the default."""
    text = str(field.type)
    for kind, other in (
        ("bool", not value),
        ("tuple[Part", (Part(0, 3, b"abc"), Part(5, 9, None, "0" * 32, 2), Part(9, 10, b"z"))),
        ("tuple[str", ("other",)),
        ("tuple[Line", (("Other", "line"),)),
        ("tuple[tuple[str, bytes]", (("other", b"o" * 64),)),
        ("tuple[tuple[str, ...]", (("other",), ())),
        ("Selecting", (("other", None),)),
        ("str", "other"),
        ("Headers", Headers({"Other": "x"})),
        ("float", 12.25),
        ("int", 404),
        ("bytes", b"o" * 16),
    ):
        if text.startswith(kind):
            return other
    raise AssertionError(f"{field.name}: {text} is a kind of field that this test does not know")


@pytest.mark.parametrize("item", [samples.entry(URL, None), samples.record(URL)], ids=["a response", "a record"])
def test_no_field_is_forgotten(item: Entry | Variants) -> None:
    for field in dataclasses.fields(item):
        value = different(field, getattr(item, field.name))
        changes: dict[str, Any] = {field.name: value}
        if field.name == "body":
            changes["length"] = len(value)
        elif field.name == "parts":
            changes["length"] = value[-1].stop
        changed = dataclasses.replace(item, **changes)
        back = decode(encode(changed))
        assert back is not None, field.name
        assert exact(back) == exact(changed), field.name


@given(st.binary(max_size=300))
@example(ENTRY)
@example(b"csv1")
@example(ENTRY + bytes(200))
@example(b"csv1" + bytes(200))
def test_other_octets_are_no_item_and_raise_nothing(octets: bytes) -> None:
    decode(octets)
    decode(memoryview(octets))
    assert Seal().unseal(b"", octets) is None or len(octets) >= 4


@given(ITEMS, st.data())
def test_a_changed_octet_raises_nothing_and_never_passes_the_seal(item: Entry | Variants, data: st.DataObject) -> None:
    payload = encode(item)
    at = data.draw(st.integers(0, len(payload) - 1))
    bent = payload[:at] + bytes([payload[at] ^ data.draw(st.integers(1, 255))]) + payload[at + 1 :]
    back = decode(bent)
    if isinstance(back, Entry):
        # Even where nothing is sealed no field can split a response.
        assert Headers(back.headers.lines).lines == tuple((n, v.strip(" \t")) for n, v in back.headers.lines)
    for seal in (Seal(), Seal(b"k" * 16)):
        assert seal.unseal(b"", seal.check(b"", payload) + bent) is None


@given(ITEMS, st.data())
def test_a_shorter_or_longer_one_is_no_item(item: Entry | Variants, data: st.DataObject) -> None:
    payload = encode(item)
    assert decode(payload[: data.draw(st.integers(0, len(payload) - 1))]) is None
    assert decode(payload + b"x") is None


def bent(entry: Entry, *changes: tuple[bytes, bytes]) -> Entry | Variants | None:
    """What comes of an entry in whose octets something of the same length was put for something else."""
    payload = encode(entry)
    for old, new in changes:
        assert old in payload
        assert len(old) == len(new)
        payload = payload.replace(old, new)
    return decode(payload)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"X-Text", b"X Text", id="a name with a space"),
        pytest.param(b"X-Text", b"X-Te\rt", id="a name with a carriage return"),
        pytest.param(b"X-Text\n", b"\nX-Tex\n"[0:7], id="a string too many"),
        pytest.param(b"1.1 a", b"1.\r a", id="a value with a carriage return"),
        pytest.param(b"1.1 a", b"1.\0 a", id="a value with a NUL"),
        pytest.param(b"1.1 a", b"1.\n a", id="a value with a line feed"),
        pytest.param(b"1.1 a", b"1.\xff a", id="no UTF-8"),
        pytest.param(b"\nVia\n", b"\n\n\nVi"[0:5], id="an empty name"),
    ],
)
def test_a_dangerous_line_is_no_item(old: bytes, new: bytes) -> None:
    entry = samples.entry(URL)
    assert bent(entry, (old, old)) == entry
    assert bent(entry, (old, new)) is None


@pytest.mark.parametrize("what", ["value", "reason", "etag", "last_modified", "method", "name", "withheld"])
def test_an_escaped_control_character_is_refused_where_it_could_split_a_response(what: str) -> None:
    # The line feed in the URL has all strings escaped.
    entry = samples.entry("https://example.com/\n", last_modified="0123456789", method="METHOD", etag="0123456789")
    entry.headers = Headers({"Some-Name": "some value"})
    entry.reason = "some reason"
    entry.withheld = (("Held", "some held"),)
    assert bent(entry) == entry
    marks = {
        "value": (b"some value", b"some%0Dlue"),
        "reason": (b"some reason", b"some%0Aason"),
        "etag": (b"0123456789", b"012%0D6789"),
        "last_modified": (b"0123456789", b"012%0D6789"),
        "method": (b"METHOD", b"ME%0AD"),
        "name": (b"Some-Name", b"Some%0Ame"),
        "withheld": (b"some held", b"some%00ld"),
    }
    assert bent(entry, marks[what]) is None
    assert decode(encode(entry)) == entry


def test_an_empty_name_is_refused() -> None:
    entry = dataclasses.replace(samples.entry(URL), headers=Headers.trusted((("", "x"), ("A", "b"))))
    assert decode(encode(entry)) is None


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"response_time": float("nan")}, id="a time that is no number"),
        pytest.param({"lifetime": float("nan")}, id="a lifetime that is no number"),
        pytest.param({"status": 199}, id="an interim status"),
        pytest.param({"status": 600}, id="a status that is none"),
        pytest.param({"length": 7}, id="a longer length than the body's"),
        pytest.param({"length": 3}, id="a shorter length than the body's"),
        pytest.param({"body": None, "length": -1}, id="a negative length"),
    ],
)
def test_an_impossible_entry_is_refused(changes: dict[str, Any]) -> None:
    assert decode(encode(dataclasses.replace(samples.entry(URL), **changes))) is None


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((Part(-1, 2, b"abc"),), id="a negative start"),
        pytest.param((Part(3, 2, None, "0" * 32),), id="a stop before the start"),
        pytest.param((Part(3, 3, b""),), id="an empty part"),
        pytest.param((Part(0, 3, b"abc", skip=-1),), id="a negative skip"),
        pytest.param((Part(8, 11, b"abc"),), id="a stop behind the end"),
        pytest.param((Part(0, 3, b"abc"), Part(2, 5, b"cde")), id="parts that overlap"),
        pytest.param((Part(5, 8, b"abc"), Part(0, 3, b"cde")), id="parts in another order"),
        pytest.param((Part(0, 3, b"abcd"),), id="octets too many"),
        pytest.param((Part(0, 3, b"ab"),), id="octets too few"),
        pytest.param((Part(0, 3),), id="no octets"),
    ],
)
def test_impossible_parts_are_refused(parts: tuple[Part, ...]) -> None:
    assert decode(encode(samples.entry(URL, None, length=10, parts=parts))) is None


def test_parts_that_are_cut_short_are_refused() -> None:
    payload = encode(samples.entry(URL, None, length=10, parts=(Part(0, 3, b"abc"),)))
    assert decode(payload) is not None
    assert decode(payload[:-10]) is None


def test_an_endless_lifetime_and_window_stay() -> None:
    entry = samples.entry(URL, lifetime=float("inf"), while_revalidate=2**70)
    back = decode(encode(entry))
    assert isinstance(back, Entry)
    assert back.lifetime == float("inf")
    assert back.while_revalidate == 2**63 - 1


def test_a_key_that_is_no_hexadecimal_is_no_record() -> None:
    payload = encode(samples.record(URL))
    assert decode(payload.replace(samples.GENERATION.hex().encode(), b"z" * 32)) is None


def test_what_is_too_long_is_not_looked_at() -> None:
    assert decode(ENTRY + bytes(LIMIT)) is None


def test_another_version_is_not_read() -> None:
    assert decode(b"cse1" + encode(samples.entry(URL))[4:]) is None


# --- the seal


@pytest.mark.parametrize("seal", [Seal(), Seal(b"0123456789abcdef")], ids=["checksum", "HMAC"])
def test_a_seal_holds_in_its_context_only(seal: Seal) -> None:
    blob = seal.seal(b"context", b"payload")
    opened = seal.unseal(b"context", blob)
    assert opened is not None
    assert bytes(opened) == b"payload"
    assert len(blob) == seal.size + 7
    assert seal.unseal(b"other", blob) is None
    assert seal.unseal(b"context", blob[:-1]) is None
    assert seal.unseal(b"context", blob[: seal.size - 1]) is None
    assert seal.unseal(b"context", b"") is None


def test_an_hmac_is_of_one_key() -> None:
    blob = Seal(b"0123456789abcdef").seal(b"", b"payload")
    assert Seal(b"fedcba9876543210").unseal(b"", blob) is None
    assert Seal().unseal(b"", blob) is None


def test_context_and_payload_do_not_run_into_each_other() -> None:
    seal = Seal(b"0123456789abcdef")
    assert seal.check(b"ab", b"c") != seal.check(b"a", b"bc")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="key: give at least 16"):
        Seal(b"short")


def test_a_seal_does_not_show_its_key() -> None:
    assert "0123456789abcdef" not in repr(Seal(b"0123456789abcdef"))


def test_reading_takes_linear_time() -> None:
    def seconds(lines: int) -> float:
        payload = encode(dataclasses.replace(samples.entry(URL), headers=Headers([("A", "b")] * lines)))
        return min(timeit.repeat(lambda: decode(payload), timer=time.process_time, number=5, repeat=5))

    assert seconds(20_000) < 60 * seconds(1_000)
