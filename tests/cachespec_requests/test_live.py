"""A server's response as the core sees it."""

from __future__ import annotations

import pytest
import requests

from cachespec_requests.live import Live


def response(**fields: str) -> requests.Response:
    made = requests.Response()
    made.status_code = 200
    made.headers.update(fields)
    made._content = b"read"  # where requests puts what it has read
    return made


def test_content_that_was_read_already_is_given_again() -> None:
    assert list(Live(response()).chunks()) == [b"read"]


def test_content_that_was_decoded_already_cannot_be_had_as_it_came() -> None:
    with pytest.raises(ValueError, match="decoded"):
        Live(response(**{"Content-Encoding": "gzip"})).chunks()


def test_a_response_that_is_listened_to_gives_what_passes_and_nothing_else() -> None:
    live = Live(response())
    live.listen()
    assert list(live.chunks()) == []
