"""Verdicts: yes or no, the clause that says so, and a sentence for people.

Every decision of the library is a `Verdict`.  Response metadata, Cache-Status, logs, the `explain` command and the
tests all read the same object.  The verdicts of a room stand at the head of that room, as constants; one that needs
figures is made from its constant with `of`, and its sentence is put together only when somebody reads it.
"""

from __future__ import annotations

from dataclasses import dataclass


# Not frozen: every decision builds one, and freezing doubles its price.  Treat it as immutable.
@dataclass(slots=True)
class Verdict:
    """The answer to one question, true or false like a bool, and the reason for it."""

    yes: bool
    """The answer; also the truth value."""
    code: str
    """A stable name for programs, such as ``"no-store"``."""
    clause: str
    """Where it is written, such as ``"RFC 9111 §3"``."""
    template: str
    """The sentence, with a place for each of `values`."""
    values: tuple[object, ...] = ()
    """Figures and names for the sentence."""

    def __bool__(self) -> bool:
        return self.yes

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return self.template.format(*self.values)

    def of(self, *values: object) -> Verdict:
        """This verdict, with these figures and names in its sentence."""
        return Verdict(self.yes, self.code, self.clause, self.template, values)

    def __str__(self) -> str:
        return f"{'yes' if self.yes else 'no'}, {self.code} ({self.clause}): {self.sentence}"
