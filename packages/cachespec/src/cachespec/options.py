"""How options are checked: those of `Policy`, `Wish` and `Override`.  An error names the option."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any


def seconds_of(value: int | timedelta | None) -> int | None:
    """A length of time in seconds."""
    return int(value.total_seconds()) if isinstance(value, timedelta) else value


def checked(name: str, kind: object, value: Any) -> Any:
    """The value of the option `name`, whose annotation is the text `kind`; ValueError or TypeError if it is wrong.

    Sets and sequences of other types become frozensets and tuples.
    """
    text = str(kind)
    if value is None and "None" in text:
        return None
    if text.startswith("Literal["):
        choices = [choice.strip(" '\"") for choice in text[8 : text.index("]")].split(",")]
        if value not in choices:
            raise ValueError(f"{name}: {value!r} is not one of {', '.join(choices)}")
        return value
    if text.startswith("frozenset") and isinstance(value, set | list | tuple):
        value = frozenset(value)
    elif text.startswith("tuple") and isinstance(value, set | list):
        value = tuple(value)
    wrong = (
        (text.startswith("bool") and type(value) is not bool)
        or (text.startswith("int") and type(value) is not int)
        or (text == "float" and (isinstance(value, bool) or not isinstance(value, int | float)))
        or (text.startswith("str") and not isinstance(value, str))
        or (text.startswith("frozenset") and not isinstance(value, frozenset))
        or (text.startswith("tuple") and not isinstance(value, tuple))
        or (text.startswith(("tuple[str", "frozenset[str")) and not all(isinstance(member, str) for member in value))
        or (text.startswith("frozenset[int") and not all(type(member) is int for member in value))
        or (text.startswith("Callable") and not callable(value))
        or (text.startswith("Mapping") and not isinstance(value, Mapping))
    )
    if wrong:
        raise TypeError(f"{name}: {value!r} is not of the type {text}")
    if isinstance(value, int | float) and value < 0:
        raise ValueError(f"{name}: {value!r} is negative")
    return value
