"""Recording a response's body while it passes through.  RFC 9111 §3.3, RFC 9112 §8, ruling D55

What was recorded becomes visible only when it is complete: declared length reached, or the protocol's own end.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final

from .combining import held, with_part
from .entries import Entry, Part
from .headers import Headers
from .info import CacheInfo
from .partial import Span
from .policy import Policy
from .selection import ATTEMPTS, place_of, publish
from .steps import Addition, Append, Discard, Plan, StoreFlow
from .verdicts import Verdict

UNWANTED = Verdict(False, "unwanted", "Policy.content_filter", "The content filter keeps it out.")

INLINE: Final = 64 * 1024
"""Bytes up to which a body lies beside its head in the store."""
PIECE: Final = 256 * 1024
"""Bytes that are gathered before a longer body is passed to the store."""


class Recording:
    """The body of one response on its way into the store, according to `plan`."""

    __slots__ = (
        "_body_id",
        "_chunks",
        "_gathered",
        "_info",
        "_length",
        "_plan",
        "_policy",
        "complete",
        "entry",
        "going",
    )

    def __init__(self, plan: Plan, policy: Policy, info: CacheInfo) -> None:
        self._plan = plan
        self._policy = policy
        self._info = info
        self._chunks: list[bytes] = []
        self._gathered = 0
        self._length = 0
        self._body_id: str | None = None
        self.going: bool = True
        """Whether anything more is wanted."""
        self.complete: bool = plan.declared == 0
        """Whether as much has come as was announced; the end need not be waited for then."""
        self.entry: Entry | None = None
        """What was stored."""

    def take(self, chunk: bytes) -> bool:
        """Take in a piece of the body; True if `flush` has to be run before more comes."""
        self._chunks.append(chunk)
        size = len(chunk)
        self._gathered += size
        self._length += size
        declared = self._plan.declared
        self.complete = self.going and self._length == declared
        if self._length > self._policy.max_body or (declared is not None and self._length > declared):
            # Longer than allowed, or than announced: whatever this is, it is not that response.
            self.going = self.complete = False
            self._chunks.clear()
            return self._body_id is not None
        # A filter wants to see the content as a whole.
        return self._gathered >= PIECE and self._plan.wanted is None

    def flush(self) -> StoreFlow[bool]:
        """Pass on to the store what was gathered; whether it had room for it."""
        if self.going:
            if self._body_id is None:
                self._body_id = secrets.token_hex(16)
            chunk = b"".join(self._chunks)
            self._chunks.clear()
            self._gathered = 0
            self.going = yield Append(self._body_id, chunk)
        if not self.going:
            yield from self.abort()
        return self.going

    def commit(self) -> StoreFlow[bool]:
        """Publish the response, now that its body is complete; whether it is stored.  Does nothing a second time."""
        return self._publish() if self._plan.lease is None else self._publish_and_give_back()

    def _publish_and_give_back(self) -> StoreFlow[bool]:
        stored = yield from self._publish()
        yield from self._give_back()
        return stored

    def _publish(self) -> StoreFlow[bool]:
        if not self.going:
            return False
        plan = self._plan
        if plan.declared is not None and self._length != plan.declared:
            # RFC 9112 §8: fewer bytes than announced is an incomplete response, however politely it ended.
            yield from self.abort()
            return False
        if plan.wanted is not None and not plan.wanted(b"".join(self._chunks)):
            self._info.verdicts.append(UNWANTED)
            yield from self.abort()
            return False
        if plan.addition is not None:
            return (yield from self._add(plan.addition))
        # Nobody else has seen it yet.
        entry = plan.entry
        length = str(self._length)
        if entry.headers.fields.get("content-length") != length and entry.status not in (204, 205):
            # It had none, or said it twice (RFC 9110 §8.6).
            entry = replace(entry, headers=entry.headers.replacing(("Content-Length", length)))
        if self._body_id is None and self._length <= INLINE:
            entry.length, entry.body = self._length, b"".join(self._chunks)
        else:
            if self._chunks and not (yield from self.flush()):
                return False
            entry.length, entry.body_id = self._length, self._body_id
        # Without the fields, a sixth of its memory: they are made anew for whoever asks, and a plain hit does not.
        entry.headers = Headers.trusted(entry.headers.lines)
        self.going = False
        if (yield from publish(plan, entry, self._policy)):
            self._is(entry)
        elif entry.body_id is not None:
            yield Discard(entry.body_id)
        return self.entry is not None

    def _add(self, addition: Addition) -> StoreFlow[bool]:
        """Publish a part of a response's content, together with what there is of it by now.  RFC 9111 §3.4"""
        for _ in range(ATTEMPTS):
            root, there = yield from place_of(self._plan)
            base = addition.base(there.item)
            if isinstance(base, Verdict):
                self._info.verdicts.append(base)
                break
            if held(base).complete:
                # Somebody else was quicker: there is nothing to add.
                self._is(base)
                break
            entry = base
            if held(base).missing(addition.span):
                part = yield from self._part(addition.span, base)
                if part is None:
                    return False
                entry = with_part(base, part)
            if (yield from publish(replace(self._plan, root=root), entry, self._policy, there)):
                self._is(entry)
                break
        self.going = False
        body_id = self._body_id
        if body_id is not None and (self.entry is None or body_id not in self.entry.body_ids):
            yield Discard(body_id)
        return self.entry is not None

    def _part(self, span: Span, base: Entry) -> StoreFlow[Part | None]:
        """What was recorded, as a part to be added to `base`; None where the store has no room for it."""
        beside = sum([len(part.body) for part in base.parts if part.body is not None])
        if self._body_id is None and beside + self._length <= INLINE:
            return Part(*span, b"".join(self._chunks))
        if self._chunks and not (yield from self.flush()):
            return None
        return Part(*span, None, self._body_id)

    def _is(self, entry: Entry) -> None:
        """`entry` is stored."""
        self.entry = entry
        self._info.stored = True
        self._info.created_at = entry.created
        self._info.expires_at = entry.response_time + entry.lifetime - entry.initial_age
        self._info.lifetime = entry.lifetime

    def abort(self) -> StoreFlow[None]:
        """Forget it.  Does nothing after `commit`, or a second time."""
        self.going = False
        self._chunks.clear()
        if self._body_id is not None and self.entry is None:
            body_id, self._body_id = self._body_id, None
            yield Discard(body_id)
        yield from self._give_back()

    def _give_back(self) -> StoreFlow[None]:
        """Let other processes go on, which wait for this one."""
        lease, self._plan.lease = self._plan.lease, None
        if lease is not None:
            yield lease
