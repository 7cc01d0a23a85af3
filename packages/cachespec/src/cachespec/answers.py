"""Answering from a stored response: its head, a 304 or a part of it.  RFC 9111 §4, §4.3.2; RFC 9110 §13, §14"""

from __future__ import annotations

from typing import Any

from .combining import held
from .entries import Entry
from .headers import Headers
from .info import CacheInfo, Status
from .messages import Request, Response
from .partial import Piece
from .parts import bodies_needed, octets_of, parted
from .preconditions import not_modified, not_modified_headers
from .ranges import Parts, select, serve_range
from .steps import Close, Flow, Open, Stored


def answer_from(request: Request, entry: Entry, info: CacheInfo, now: float, *, status: Status) -> Flow[Stored | None]:
    """The answer to `request` that `entry` gives, as `status`; None where its body is gone, or lacks some of it.

    The client's own conditions are evaluated here, then its range (RFC 9110 §13.2.2).
    """
    if entry.body is not None:
        return answer_at_hand(request, entry, info, now, status=status)
    if entry.parts and lacks(request, entry, now):
        return None
    head, pieces = _select(request, entry, now)
    body = None
    if pieces:
        if entry.parts:
            opened = yield from _opened(entry, pieces)
            if opened is None:
                return None
            pieces, body = opened
        else:
            body = yield Open(entry.body_id or "")
            if body is None:
                return None
    return _stored(head, entry, body, pieces, info, now, status)


def answer_at_hand(request: Request, entry: Entry, info: CacheInfo, now: float, *, status: Status) -> Stored:
    """`answer_from` an entry whose body lies beside its head: nothing has to be asked of the store."""
    head, pieces = _select(request, entry, now)
    return _stored(head, entry, None, pieces, info, now, status)


def _stored(
    head: Response, entry: Entry, body: Any, pieces: tuple[Piece, ...], info: CacheInfo, now: float, status: Status
) -> Stored:
    age = entry.age(now)
    # §4: Age is generated anew; whatever the head had before went when it was stored (ruling D32).
    if head.status != 416:
        head.headers = Headers.trusted((*head.headers.lines, ("Age", str(int(age)))))
    info.status = status
    info.stored = True
    info.age = age
    info.lifetime = entry.lifetime
    info.created_at = entry.created
    info.expires_at = now + entry.lifetime - age
    return Stored(head, entry, body, pieces, info)


def lacks(request: Request, entry: Entry, now: float) -> bool:
    """Whether `entry`, as far as it is stored, does not hold all that `request` is to be given.  RFC 9111 §3.3

    What is incomplete answers a range that lies wholly within it, and nothing else.
    """
    there = held(entry)
    if there.complete:
        return False
    selection = select(request, entry, entry.length, now)
    return not isinstance(selection, Parts) or any(there.missing(span) for span in selection.spans)


def _opened(entry: Entry, pieces: tuple[Piece, ...]) -> Flow[tuple[tuple[Piece, ...], Any] | None]:
    """The pieces of an answer from an entry in parts, and the body to read them from; None where one is gone."""
    spans = [piece for piece in pieces if not isinstance(piece, bytes)]
    bodies: dict[str | None, Any] = {}
    for body_id in bodies_needed(entry.parts, spans):
        body = yield Open(body_id)
        if body is None:
            yield Close(parted(entry.parts, bodies))
            return None
        bodies[body_id] = body
    if bodies:
        return pieces, parted(entry.parts, bodies)
    octets = [piece if isinstance(piece, bytes) else octets_of(entry.parts, piece) for piece in pieces]
    return (b"".join(octets),), None


def _select(request: Request, entry: Entry, now: float) -> tuple[Response, tuple[Piece, ...]]:
    """Head and content: all of it, none, or a part."""
    fields = request.headers.fields
    whole = Response(entry.status, entry.headers, entry.reason)
    if "if-none-match" in fields or "if-modified-since" in fields:
        if not_modified(request, whole, entry.response_time, now):
            return Response(304, not_modified_headers(entry.headers)), ()
    if "range" in fields:
        part = serve_range(request, whole, entry.length, now)
        if part is not None:
            return part
    return whole, (((0, entry.length),) if entry.length and request.method != "HEAD" else ())
