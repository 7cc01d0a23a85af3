"""A plugin of pytest that writes the ids of the tests that passed and failed to the file named in ``OUTCOMES``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

failed: set[str] = set()
run: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        failed.add(report.nodeid)
    elif report.when == "call" and report.passed:
        run.add(report.nodeid)


def pytest_sessionfinish() -> None:
    found = {"passed": sorted(run - failed), "failed": sorted(failed)}
    Path(os.environ["OUTCOMES"]).write_text(json.dumps(found), encoding="utf-8")
