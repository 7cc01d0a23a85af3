"""Which transactions are tried again."""

from __future__ import annotations

import time

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from cachespec_sql.attempts import AT_ONCE, PAUSE, TRIES, Attempt, is_full
from cachespec_sql.dialects import DIALECTS


class ServerError(Exception):
    """What a driver raises."""

    def __init__(self, *args: object, sqlstate: str | None = None) -> None:
        super().__init__(*args)
        self.sqlstate = sqlstate


def wrapped(error: ServerError, *, dead: bool = False) -> DBAPIError:
    return DBAPIError("UPDATE", None, error, connection_invalidated=dead)


DEADLOCK = wrapped(ServerError(1213, "Deadlock found", sqlstate="40001"))


def test_a_lost_race_is_run_again_but_not_for_ever() -> None:
    attempt = Attempt(DIALECTS["mysql"])
    for number in range(1, TRIES):
        assert 0.0 <= attempt.pause(DEADLOCK) <= PAUSE * 2**number
    with pytest.raises(DBAPIError) as raised:
        attempt.pause(DEADLOCK)
    assert raised.value is DEADLOCK


def test_what_was_there_already_is_looked_at_again() -> None:
    assert Attempt(DIALECTS["sqlite"]).pause(IntegrityError("INSERT", None, ServerError())) >= 0.0


def test_a_dead_connection_is_replaced_once() -> None:
    dead = wrapped(ServerError("server closed the connection"), dead=True)
    attempt = Attempt(DIALECTS["postgresql"])
    assert attempt.pause(dead) == 0.0
    with pytest.raises(DBAPIError):
        attempt.pause(dead)


def test_a_server_that_was_silent_for_long_is_not_asked_again() -> None:
    attempt = Attempt(DIALECTS["postgresql"], began=time.monotonic() - AT_ONCE)
    with pytest.raises(DBAPIError):
        attempt.pause(wrapped(ServerError("silent"), dead=True))


def test_nobody_commits_twice_where_the_connection_died_meanwhile() -> None:
    attempt = Attempt(DIALECTS["postgresql"], done=True)
    with pytest.raises(DBAPIError):
        attempt.pause(wrapped(ServerError("gone"), dead=True))


def test_what_fails_for_good_is_raised_at_once() -> None:
    with pytest.raises(DBAPIError):
        Attempt(DIALECTS["postgresql"]).pause(wrapped(ServerError("syntax error", sqlstate="42601")))


@pytest.mark.parametrize(
    ("dialect", "error", "full"),
    [
        ("postgresql", ServerError("disk full", sqlstate="53100"), True),
        ("postgresql", ServerError("deadlock", sqlstate="40P01"), False),
        ("mysql", ServerError(1114, "The table is full"), True),
        ("mysql", ServerError(1153, "Got a packet bigger than 'max_allowed_packet' bytes"), True),
        ("mysql", ServerError("no number"), False),
    ],
)
def test_a_full_disk_is_told_from_other_trouble(dialect: str, error: ServerError, full: bool) -> None:
    assert is_full(DIALECTS[dialect], wrapped(error)) is full
