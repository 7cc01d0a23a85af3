"""The demo, run as a person runs it: what it shows, and that it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[2] / "docs" / "examples" / "demo.py"
# A proxy of the environment has no part in what stays on this machine.
ENVIRONMENT = os.environ | {"PYTHONIOENCODING": "utf-8", "HTTP_PROXY": "http://192.0.2.1:9"}
ROW = re.compile(
    r"(?P<client>requests|httpx|) +(?P<request>(?:GET|POST|20 x|at the) \S.*?) +"
    r"(?P<cache>hit|stale|revalidated|miss|bypass|purge)\b *(?P<clause>RFC [0-9]+ §[0-9.]+|) *"
    r"(?:(?P<age>[0-9]+) s|) *(?P<ms>[0-9]+\.[0-9]|) *(?P<saved>[0-9]+|)\Z"
)
STORY = [
    ("requests", "GET /books", "miss", "RFC 9111 §4", "0"),
    ("httpx", "GET /books", "hit", "RFC 9111 §4.2", "1"),
    ("requests", "GET /books", "stale", "RFC 5861 §3", "0"),
    ("httpx", "GET /books", "hit", "RFC 9111 §4.2", "1"),
    ("httpx", "GET /greeting, en", "miss", "RFC 9111 §4", "0"),
    ("requests", "GET /greeting, fr", "miss", "RFC 9111 §4.1", "0"),
    ("httpx", "GET /greeting, fr", "hit", "RFC 9111 §4.2", "1"),
    ("requests", "GET /cover", "miss", "RFC 9111 §4", "0"),
    ("httpx", "GET /cover, 0-99", "hit", "RFC 9111 §4.2", "1"),
    ("requests", "GET /cover", "revalidated", "RFC 9111 §4.3.4", "0"),
    ("httpx", "20 x GET /report", "hit", "RFC 9111 §4.2", "19"),
    ("httpx", "GET /account", "miss", "RFC 9111 §5.2.2.7", "0"),
    ("httpx", "POST /books", "bypass", "RFC 9111 §4", "0"),
    ("requests", "GET /books", "miss", "RFC 9111 §4", "0"),
    ("requests", "POST /purge", "purge", "", ""),
    ("httpx", "GET /greeting, fr", "miss", "RFC 9111 §4", "0"),
    ("requests", "GET /prices", "miss", "RFC 9111 §4", "0"),
    ("httpx", "GET /prices", "stale", "RFC 5861 §4", "0"),
    ("requests", "GET /cover", "miss", "RFC 9111 §4", ""),
    ("", "at the gateway", "revalidated", "RFC 9111 §4.3.4", "0"),
    ("requests", "GET /cover", "hit", "RFC 9111 §4.2", "1"),
    ("httpx", "GET /account", "miss", "RFC 9111 §4", ""),
    ("", "at the gateway", "miss", "RFC 9111 §5.2.2.7", "0"),
    ("httpx", "GET /account", "hit", "RFC 9111 §4.2", "1"),
    ("requests", "GET /cover", "revalidated", "RFC 9111 §4.3.4", ""),
    ("", "at the gateway", "revalidated", "RFC 9111 §4.3.4", "0"),
    ("httpx", "GET /greeting", "miss", "RFC 9111 §4", ""),
    ("", "at the gateway", "miss", "RFC 9111 §4.1", "0"),
    ("httpx", "GET /greeting", "hit", "RFC 9111 §4.2", "1"),
]


def test_the_demo_tells_its_story_and_ends() -> None:
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "error", str(DEMO)],
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - start < 10
    lines = done.stdout.splitlines()
    rows = [found for line in lines if (found := ROW.match(line))]
    assert [(row["client"], row["request"], row["cache"], row["clause"], row["saved"]) for row in rows] == STORY
    # Nobody looks at it in a terminal here: no colours; and it fits into eighty columns, sentences apart.
    assert "\x1b" not in done.stdout
    assert all(len(row[0]) <= 80 for row in rows)
    # Whatever is from a store has an age, and every row has its sentence.
    assert all(bool(row["age"]) == (row["cache"] in ("hit", "stale", "revalidated")) for row in rows)
    sentences = [lines[lines.index(row[0]) + 1] for row in rows]
    assert all(re.match(r" {9}[A-Z0-9].*\.\Z", sentence) for sentence in sentences)
    assert lines[-1] == ("43 requests, and the application was called 17 times, refreshes included: 26 calls saved.")


@pytest.mark.skipif(sys.platform == "win32", reason="a test cannot press Ctrl-C there")
def test_the_demo_stays_up_if_it_is_asked_to() -> None:
    with subprocess.Popen(
        [sys.executable, str(DEMO), "--serve"],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        # What a shell runs in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no thread runs here
    ) as demo:
        try:
            assert demo.stdout is not None
            shown = next(line for line in demo.stdout if line.startswith("Still up."))
            url = shown.split()[-1]
            answered = subprocess.run(
                [sys.executable, "-c", f"import urllib.request; print(urllib.request.urlopen({url!r}).headers)"],
                capture_output=True,
                encoding="utf-8",
                timeout=20,
                check=True,
            )
            assert "cache-status: cachespec; " in answered.stdout
            demo.send_signal(signal.SIGINT)
            assert demo.wait(10) == 0
        finally:
            demo.kill()
