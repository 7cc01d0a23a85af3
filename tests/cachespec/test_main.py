"""The command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cachespec import FileStore
from cachespec.__main__ import main, told
from cachespec.entries import Entry
from cachespec.keys import variant_key
from cachespec.testing import samples
from cachespec.testing.kit import long_body, put

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("CACHESPEC_STORE", folder.as_uri())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "nothing"))
    return folder


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command: its status, what it prints, and what it complains of."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def fresh(url: str, body: bytes = b"small", **changes: object) -> Entry:
    """An entry that was received a minute ago."""
    received = time.time() - 60
    return replace(samples.entry(url, body), response_time=received, created=received, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(folder: Path) -> FileStore:
    store = FileStore(folder)
    one, two, three, four = [samples.url_of(number) for number in (1, 2, 3, 4)]
    assert put(store, samples.key_of(one), fresh(one))
    assert put(store, samples.key_of(two), fresh(two, lifetime=30.0, groups=("news", "sport")))
    assert put(store, samples.key_of(three), samples.record(three))
    selecting = (("accept-language", "en"), ("accept", None))
    key = variant_key(samples.key_of(three), samples.GENERATION, selecting)
    assert put(store, key, fresh(three, selecting=selecting))
    item, _ = long_body(store)
    item = replace(item, url=four, response_time=time.time() - 400 * 86400, reason="")
    assert put(store, samples.key_of(four), item)
    return store


@pytest.mark.usefixtures("store")
def test_responses_are_listed(run: Run) -> None:
    status, out, err = run("ls")
    assert (status, err) == (0, "")
    lines = sorted(out.splitlines(), key=lambda line: line[-1])
    assert [line.split()[0] for line in lines] == ["200"] * 4
    assert "fresh for 59.0 min" in lines[0] or "fresh for 58.9 min" in lines[0]
    assert "stale for 30 s" in lines[1]
    assert lines[3].endswith(" 600,000  https://sample.test/things/4")
    assert "stale for 400.0 d" in lines[3]


@pytest.mark.usefixtures("store")
def test_a_listing_may_be_limited(run: Run) -> None:
    assert len(run("ls", "--limit", "2")[1].splitlines()) == 2
    assert run("ls", "--prefix", samples.url_of(2))[1].endswith("/things/2\n")
    assert run("ls", "--prefix", "https://other.test/") == (1, "", "nothing is stored below https://other.test/\n")


def test_an_empty_store_says_so(run: Run, folder: Path) -> None:
    folder.mkdir()
    assert run("ls") == (1, "", "nothing is stored\n")


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", ""])
def test_a_limit_is_a_number_above_0(run: Run, limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("ls", f"--limit={limit}")
    assert f"argument --limit: {limit!r} is not a number above 0" in capsys.readouterr().err


@pytest.mark.usefixtures("store")
def test_a_person_gets_a_heading_and_lines_that_fit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    heading, *lines = run("ls")[1].splitlines()
    assert heading.split() == ["bytes", "URL"]
    assert [len(line) for line in lines] == [60] * 4
    assert all(line.endswith("  https://sample.test/t…") for line in lines)
    monkeypatch.setenv("COLUMNS", "80")
    assert all(line[-1].isdigit() for line in run("ls")[1].splitlines()[1:])


@pytest.mark.usefixtures("store")
def test_a_response_is_shown(run: Run) -> None:
    status, out, _ = run("show", "HTTPS://Sample.Test/things/2#part")
    assert status == 0
    assert out.splitlines()[0] == "GET https://sample.test/things/2"
    assert "  status      200 OK" in out
    assert ", of 30 seconds by max-age" in out
    assert "  groups      news, sport" in out
    assert "  X-Text: caf\xe9" in out
    assert "  length      5\n" in out


@pytest.mark.usefixtures("store")
def test_a_variant_is_shown_with_what_chose_it(run: Run) -> None:
    out = run("show", samples.url_of(3))[1]
    assert "  chosen by   accept-language: en" in out
    assert "  chosen by   accept: absent" in out


@pytest.mark.usefixtures("store")
def test_a_body_of_its_own_is_told(run: Run) -> None:
    out = run("show", samples.url_of(4))[1]
    assert "  status      200\n" in out
    assert "  length      600000 in a body of its own" in out


@pytest.mark.usefixtures("store")
def test_nothing_is_shown_of_what_is_not_stored(run: Run) -> None:
    assert run("show", samples.url_of(9)) == (1, "", f"nothing is stored for {samples.url_of(9)}\n")


def test_a_url_does_nothing_to_the_terminal(run: Run, store: FileStore) -> None:
    url = "https://sample.test/\x1b]0;title\x07\r\n"
    assert put(store, samples.key_of(url), fresh(url))
    for out in (run("ls")[1], run("show", url)[1]):
        assert "\x1b" not in out
        assert "\\x1b]0;title\\x07\\x0d\\x0a" in out


@pytest.mark.parametrize(
    ("arguments", "printed", "left"),
    [
        ([samples.url_of(3)], "1 removed\n", 3),
        (["--group", "news", "--group", "none"], "1 removed\n", 4),
        (["--prefix", "https://sample.test/things/"], "4 removed\n", 0),
        (["--all"], "4 removed\n", 0),
        (["--expired"], "1 removed\n", 4),
        (["--expired", samples.url_of(1)], "2 removed\n", 3),
        (["--all", "--soft"], "4 made stale\n", 5),
    ],
    ids=str,
)
def test_what_is_named_is_purged(run: Run, store: FileStore, arguments: list[str], printed: str, left: int) -> None:
    assert run("purge", *arguments) == (0, printed, "")
    # A record of variants is no response, and remains where nothing but its variants was hit.
    assert store.stats().entries == left


def test_a_purge_has_to_name_something(run: Run, store: FileStore) -> None:
    assert run("purge") == (2, "", "cachespec: name a URL, --group, --prefix, --expired or --all\n")
    assert store.stats().entries == 5


@pytest.mark.usefixtures("store")
def test_figures_are_told(run: Run) -> None:
    status, out, _ = run("stats")
    assert status == 0
    assert out.splitlines()[0].split() == ["entries", "5"]
    assert 600_000 < int(out.splitlines()[1].split()[1].replace(",", "")) < 700_000


@pytest.mark.usefixtures("store")
def test_a_store_moves_by_way_of_a_file(run: Run, tmp_path: Path) -> None:
    file, other = str(tmp_path / "cache.bin"), (tmp_path / "other").as_uri()
    assert run("export", file) == (0, "5 exported\n", "")
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert run("import", file, "--store", other) == (0, "5 imported\n", "")
    assert run("stats", "--store", other)[1].split()[:2] == ["entries", "5"]


# --- what cannot be done


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("command", ["show", "purge"])
def test_what_is_no_url_is_refused(run: Run, command: str) -> None:
    message = "cachespec: '/things/1' is no URL; write it in full, as in https://example.com/\n"
    assert run(command, "/things/1") == (2, "", message)


@pytest.mark.parametrize("rest", ["", "#shop"])
def test_a_database_that_is_not_there_is_not_made(run: Run, tmp_path: Path, rest: str) -> None:
    path = tmp_path / "cache.db"
    assert run("ls", "--store", f"sqlite:///{path}{rest}") == (2, "", f"cachespec: there is no cache in {path}\n")
    assert not path.exists()


def test_of_a_long_complaint_the_first_line_is_told(run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    folder.mkdir()

    def fail(self: FileStore) -> None:
        raise OSError("connection refused\n\tIs the server running?")

    monkeypatch.setattr(FileStore, "stats", fail)
    assert run("stats") == (2, "", "cachespec: connection refused\n")


def test_there_has_to_be_a_store(run: Run, folder: Path) -> None:
    for arguments in (["ls"], ["stats"], ["show", samples.url_of(1)], ["purge", "--all"], ["export", "x"]):
        assert run(*arguments) == (2, "", f"cachespec: there is no cache in {folder}\n")
    assert not folder.exists()


def test_the_default_store_is_in_the_users_cache_directory(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CACHESPEC_STORE")
    assert run("ls") == (2, "", f"cachespec: there is no cache in {tmp_path}/nothing/cachespec\n")


def test_memory_has_nothing_to_look_into(run: Run) -> None:
    status, _, err = run("ls", "--store", "memory:")
    assert status == 2
    assert "ends with its process" in err


def test_a_missing_package_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "cachespec_sql", None)
    (tmp_path / "x.db").touch()
    status, _, err = run("ls", "--store", f"sqlite:///{tmp_path}/x.db")
    assert status == 2
    assert err == "cachespec: store: sqlite needs the package cachespec-sql: pip install cachespec-sql\n"


def test_an_error_without_words_has_its_name(run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    folder.mkdir()

    def fail(self: FileStore) -> None:
        raise MemoryError

    monkeypatch.setattr(FileStore, "stats", fail)
    assert run("stats") == (2, "", "cachespec: MemoryError\n")


def test_whoever_interrupts_is_not_shown_a_traceback(run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    folder.mkdir()

    def interrupt(self: FileStore) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FileStore, "stats", interrupt)
    assert run("stats") == (130, "", "")


@pytest.mark.usefixtures("store")
def test_whoever_has_read_enough_may_go() -> None:
    script = "import sys, os; from cachespec.__main__ import main\n"
    script += "reading, writing = os.pipe(); os.close(reading); os.dup2(writing, 1); sys.exit(main(['ls']))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_broken_pipe_is_the_end(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder.mkdir()

    def gone(self: FileStore) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(FileStore, "stats", gone)
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert main(["stats"]) == 0
        print("into nothing", file=out, flush=True)
        monkeypatch.undo()
    assert (tmp_path / "out").read_text() == ""


# --- progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_sees_how_far_it_is() -> None:
    out = Terminal()
    assert sum(1 for _ in told(range(1200), "looked at", out=out)) == 1200
    assert out.getvalue() == "\r500 looked at\r1,000 looked at\r\x1b[K"


def test_little_work_and_no_terminal_say_nothing() -> None:
    out, file = Terminal(), io.StringIO()
    assert sum(1 for _ in told(range(499), "looked at", out=out)) == 499
    assert sum(1 for _ in told(range(5000), "looked at", out=file)) == 5000
    assert out.getvalue() == file.getvalue() == ""


# --- explain


def test_fields_are_explained(run: Run) -> None:
    status, out, err = run("explain", "--status", "200", "-H", "Cache-Control: max-age=60")
    assert (status, err) == (0, "")
    assert out.splitlines()[:2] == [
        "A private cache may store it. Nothing forbids to store it. (RFC 9111 §3)",
        "It is fresh for 60 seconds (1 minute), for max-age says so (RFC 9111 §5.2.2.1).",
    ]


def test_caches_differ(run: Run) -> None:
    private = ["explain", "-H", "Cache-Control: private, max-age=60"]
    assert run(*private)[1].startswith("A private cache may store it.")
    assert run(*private, "--shared")[1].startswith("A shared cache may not store it. The response is private")
    cookie = ["explain", "-H", "Cache-Control: max-age=60", "-H", "Set-Cookie: a=b"]
    assert run(*cookie, "--shared")[1].startswith("A shared cache may store it.")
    assert run(*cookie, "--gateway")[1].startswith("A shared cache may not store it. The response sets a cookie")


def test_the_request_counts(run: Run) -> None:
    arguments = ["explain", "-H", "Cache-Control: max-age=60", "--shared", "-R", "Authorization: Bearer x"]
    assert run(*arguments)[1].startswith("A shared cache may not store it. The request has credentials")
    assert "Responses to DELETE" in run("explain", "-H", "Cache-Control: max-age=60", "--method", "DELETE")[1]


def test_a_head_is_read_as_curl_prints_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    head = "HTTP/1.1 404 Not Found\r\nCache-Control: max-age=5\r\n\r\nCache-Control: no-store\r\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(head))
    assert "fresh for 5 seconds" in run("explain")[1]
    monkeypatch.setattr(sys, "stdin", io.StringIO("Cache-Control: no-store"))
    assert "may not store it" in run("explain")[1]


@pytest.mark.parametrize("line", ["no colon", ": x", "Name : x"])
def test_what_is_no_field_line_is_refused(run: Run, line: str) -> None:
    status, _, err = run("explain", "-H", line)
    assert (status, err) == (2, f"cachespec: {line!r} is no field line; write it as Name: value\n")


@pytest.mark.parametrize("line", ["HTTP/1.1", "HTTP/1.1 2x0 OK", "HTTP/1.1 20000 OK", "HTTP/1.1 ²²² OK"])
def test_what_is_no_status_line_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(line + "\r\n\r\n"))
    status, _, err = run("explain")
    assert status == 2
    assert "is no status line" in err
