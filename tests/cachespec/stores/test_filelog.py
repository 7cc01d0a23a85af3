"""The log of purges that processes share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cachespec.stores.contract import Scope
from cachespec.stores.filelog import LONGEST, FileLog
from cachespec.testing import samples


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "purges")


def scope(number: int) -> Scope:
    return Scope(urls=(f"https://sample.test/{number}/" + "x" * 1000,))


def test_numbers_go_on_when_the_older_half_is_forgotten(path: str) -> None:
    log, other = FileLog(path), FileLog(path)
    log.create()
    first = last = other.mark()
    item = samples.entry(samples.url_of(1))
    for number in range(400):
        before = log.mark()
        log.add(scope(number))
        assert log.mark() == other.mark() > last
        last = log.mark()
        assert not other.refuses(item, before)
    assert os.stat(path).st_size <= LONGEST + 2000
    assert other.refuses(item, first)
    assert other.refuses(item, last + 1), "of a log that was removed"
    log.add(Scope(urls=(item.url,)))
    assert other.refuses(item, last)
    assert not other.refuses(item, log.mark())


def test_one_scope_may_be_longer_than_the_log(path: str) -> None:
    log = FileLog(path)
    log.create()
    before = log.mark()
    for _ in range(3):
        log.add(Scope(urls=tuple(f"https://sample.test/{number}" for number in range(10_000))))
    assert log.mark() > before
    assert log.refuses(samples.entry("https://sample.test/5"), before)


@pytest.mark.parametrize("octets", [b"", b"cachespec purges 1 x\n", b"x" * 100], ids=len)
def test_a_log_that_cannot_be_read_begins_anew_with_higher_numbers(path: str, octets: bytes) -> None:
    log = FileLog(path)
    log.create()
    before = log.mark()
    Path(path).write_bytes(octets)
    with pytest.raises(FileNotFoundError):
        log.mark()
    log.add(scope(1))
    assert log.mark() > before
    assert log.refuses(samples.entry(samples.url_of(1)), before)


def test_a_line_that_was_cut_off_counts_as_everything(path: str) -> None:
    log = FileLog(path)
    log.create()
    before = log.mark()
    with Path(path).open("ab") as file:
        file.write(b'{"urls": ["https')
    log.add(scope(1))
    assert log.refuses(samples.entry(samples.url_of(1)), before)
