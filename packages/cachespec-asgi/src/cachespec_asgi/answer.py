"""Sending a response that is not the application's own."""

from __future__ import annotations

from cachespec import AsyncCache, Entry, Made, Stored, lines_added

from .interface import Message, Send
from .lines import ADDED_DATE, for_one_user, octets
from .tee import BODY


async def answer_whole(start: Message, entry: Entry, cache: AsyncCache, send: Send) -> bool:
    """Send all of a response that is in memory; False, and nothing is sent, where it is not there any more."""
    if entry.body is not None:
        await send(start)
        await send({"type": BODY, "body": entry.body, "more_body": False})
        return True
    pieces = cache.pieces(entry)
    if pieces is None:
        return False
    await send(start)
    last = pieces.pop()
    for piece in pieces:
        await send({"type": BODY, "body": piece, "more_body": True})
    await send({"type": BODY, "body": last, "more_body": False})
    return True


async def answer(outcome: Stored | Made, cache: AsyncCache, send: Send, *, private: bool) -> None:
    """Send what lies in the store, or what the cache made up; `private` keeps caches downstream from storing it."""
    head = outcome.head
    # Where the application left Date to the server, the server adds it to this response as it did to that one.
    lines = octets(head.headers.lines, ADDED_DATE)
    if private:
        lines = for_one_user(lines)
    lines += octets(lines_added(cache.policy, outcome.info))
    start = {"type": "http.response.start", "status": head.status, "headers": lines}
    if not isinstance(outcome, Stored) or not outcome.pieces:
        await send(start)
        await send({"type": BODY, "body": b"", "more_body": False})
        return
    content = cache.stored_content(outcome)
    try:
        await send(start)
        if content.whole is not None:
            await send({"type": BODY, "body": content.whole, "more_body": False})
            return
        held = b""
        async for chunk in content:
            if held:
                await send({"type": BODY, "body": held, "more_body": True})
            held = chunk
        await send({"type": BODY, "body": held, "more_body": False})
    finally:
        await content.aclose()
