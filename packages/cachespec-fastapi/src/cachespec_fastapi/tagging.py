"""The entity-tag of a body, made while it is sent.  RFC 9110 §8.8.3

The start of the response waits for the first part of the body.  If that is all of it, it is digested; if not, the
response is a stream, and goes on at once and untagged.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256

from cachespec import EntityTag, Headers, not_modified_headers, parse_date, parse_entity_tag

from .asgi import Message, RawLine, Scope, Send
from .conditions import answer_to, conditional
from .declared import SAFE


class Tagging:
    """The messages of one response, which gets a tag if it can have one."""

    __slots__ = ("_held", "_lines", "_scope", "_send", "_silent", "_weak")

    def __init__(
        self, scope: Scope, send: Send, lines: Callable[[int, list[RawLine]], list[RawLine]], weak: bool
    ) -> None:
        self._scope = scope
        self._send = send
        self._lines = lines
        """What the field lines are, by status and the lines given."""
        self._weak = weak
        self._held: Message | None = None
        self._silent = False

    async def start(self, message: Message) -> None:
        """The start of the response: it waits, or goes on where there is nothing to find out."""
        given = list(message.get("headers", ()))
        if message["status"] != 200 or self._scope["method"] not in SAFE:
            await self._begin(message, given)
        elif any(name.lower() == b"etag" for name, _ in given):
            await self._conclude(message, given)
        else:
            self._held = {**message, "headers": given}

    async def go_on(self, message: Message) -> None:
        """Any other message."""
        held, self._held = self._held, None
        if held is not None:
            body: bytes = message.get("body", b"")
            whole = message["type"] == "http.response.body" and not message.get("more_body", False)
            # A response to HEAD may have left its body out: what is digested has to be what a GET gets.
            if whole and (body or self._scope["method"] != "HEAD"):
                tag = EntityTag(self._weak, sha256(body).hexdigest())
                await self._conclude(held, [*held["headers"], (b"etag", str(tag).encode("ascii"))])
            else:
                await self._begin(held, held["headers"])
        if not self._silent:
            await self._send(message)

    async def _conclude(self, message: Message, given: list[RawLine]) -> None:
        """Start the response, which has its tag now, or answer the request's conditions in its place."""
        headers = Headers(given)
        if conditional(self._scope):
            now = time.time()
            modified = parse_date(headers.fields.get("last-modified", ""), now)
            answer = answer_to(self._scope, parse_entity_tag(headers["etag"]), modified, tagged=True)
            if answer is not None:
                self._silent = True
                kept = not_modified_headers(headers).raw
                if answer[0] == 412:
                    kept.append((b"content-length", b"0"))
                await self._begin({**message, "status": answer[0]}, kept)
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
                return
        await self._begin(message, given)

    async def _begin(self, message: Message, given: list[RawLine]) -> None:
        await self._send({**message, "headers": self._lines(message["status"], given)})
