"""Workers of one server: where they share a store that leases, one of them fetches for all."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from servers import PATIENCE, Reply, serving

# The second makes the store before it forks its workers.
SERVERS = {
    "uvicorn": (),
    "gunicorn": ("--worker-class", "uvicorn_worker.UvicornWorker"),
}


FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@pytest.mark.parametrize("server", ["uvicorn", pytest.param("gunicorn", marks=FORKS)])
@pytest.mark.parametrize(
    ("store", "most"),
    [
        pytest.param("file://{}/store", 1, id="files"),
        pytest.param("sqlite:///{}/cache.db", 1, id="sqlite"),
        # Each worker has a memory of its own.
        pytest.param("memory:", 2, id="memory"),
    ],
)
def test_fifty_cold_requests_to_two_workers_reach_the_application_once(
    server: str, store: str, most: int, tmp_path: Path
) -> None:
    with serving(server, "raw", tmp_path, "--workers", "2", *SERVERS[server], store=store.format(tmp_path)) as site:
        workers: set[bytes] = set()
        end = time.monotonic() + PATIENCE
        while len(workers) < 2:
            assert time.monotonic() < end
            workers.add(site.ask("/worker").body)
        replies: list[Reply] = []
        threads = [threading.Thread(target=lambda: replies.append(site.ask("/slow"))) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [reply.body for reply in replies] == [b"1"] * 50
    # All others have waited for these, or come later.
    fetched = [reply for reply in replies if "fwd" in reply.cache and "collapsed" not in reply.cache]
    assert 1 <= len(fetched) <= most
