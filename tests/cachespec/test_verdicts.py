from __future__ import annotations

import pytest

from cachespec.verdicts import Verdict

FRESH = Verdict(True, "fresh", "RFC 9111 §4.2", "The response is fresh.")
STALE = Verdict(False, "stale", "RFC 9111 §4.2.4", "The response is {} s old and fresh for {} s only.")


def test_a_verdict_is_true_or_false_like_its_answer() -> None:
    assert FRESH
    assert not STALE
    assert bool(STALE.of(2, 1)) is False


def test_a_verdict_tells_its_reason() -> None:
    assert FRESH.sentence == "The response is fresh."
    assert (FRESH.code, FRESH.clause) == ("fresh", "RFC 9111 §4.2")


def test_figures_are_put_into_a_copy() -> None:
    stale = STALE.of(61, 60)
    assert stale.sentence == "The response is 61 s old and fresh for 60 s only."
    assert stale == Verdict(False, "stale", "RFC 9111 §4.2.4", STALE.template, (61, 60))
    assert STALE.values == ()


def test_braces_in_a_name_are_only_text() -> None:
    verdict = Verdict(False, "unknown", "RFC 9111 §3", "The method {} is not known.")
    assert verdict.of("{0.__class__}").sentence == "The method {0.__class__} is not known."


# Rendering a sentence costs more than the decision.
def test_a_sentence_is_put_together_when_it_is_read_and_not_before() -> None:
    class Figure:
        read = 0

        def __format__(self, spec: str) -> str:
            self.read += 1
            return "5"

    figure = Figure()
    stale = STALE.of(figure, figure)
    assert not stale
    assert figure.read == 0
    assert stale.sentence == "The response is 5 s old and fresh for 5 s only."
    assert figure.read == 2


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (FRESH, "yes, fresh (RFC 9111 §4.2): The response is fresh."),
        (STALE.of(2, 1), "no, stale (RFC 9111 §4.2.4): The response is 2 s old and fresh for 1 s only."),
    ],
    ids=["yes", "no"],
)
def test_a_verdict_is_written_for_people(verdict: Verdict, text: str) -> None:
    assert str(verdict) == text
