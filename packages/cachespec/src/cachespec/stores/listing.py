"""Stored responses as people read them: in a list, one by one, and without what could do things to a terminal."""

from __future__ import annotations

import time

from ..entries import Entry
from ..explain import duration
from .contract import length_of_bodies


def row(status: str, freshness: str, length: str, url: str) -> str:
    """A line of the list."""
    return f"{status:3}  {freshness:<18}  {length:>11}  {url}"


def fitting(line: str, width: int) -> str:
    """`line` in so many columns; 0 is as many as it takes."""
    return line if not width or len(line) <= width else line[: max(0, width - 1)] + "…"


def described(item: Entry, now: float) -> list[str]:
    """One response in several lines."""
    lines = [
        f"{item.method} {shown(item.url)}",
        f"  status      {item.status} {shown(item.reason)}".rstrip(),
        f"  freshness   {state(item, now)}, of {duration(item.lifetime)} by {item.source}",
        f"  stored      {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(item.created))}",
        f"  length      {item.length}{' in a body of its own' if length_of_bodies(item) else ''}",
    ]
    for name, value in item.selecting:
        lines.append(f"  chosen by   {shown(name)}: {'absent' if value is None else shown(value)}")
    if item.groups:
        lines.append(f"  groups      {shown(', '.join(item.groups))}")
    return [*lines, *[f"  {shown(name)}: {shown(value)}" for name, value in item.headers.lines], ""]


def state(item: Entry, now: float) -> str:
    """How fresh a response is."""
    left = item.lifetime - item.age(now)
    return f"fresh for {brief(left)}" if left > 0 else f"stale for {brief(-left)}"


def brief(seconds: float) -> str:
    """A duration in its largest unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{int(seconds)} s"


def size(octets: int) -> str:
    """Bytes in their largest unit."""
    unit, of = next(((unit, of) for unit, of in (("GiB", 1 << 30), ("MiB", 1 << 20)) if octets >= of), ("KiB", 1 << 10))
    return f"{octets / of:.1f} {unit}"


def shown(text: str) -> str:
    """`text` without what could do things to a terminal."""
    return "".join([character if character.isprintable() else f"\\x{ord(character):02x}" for character in text])
