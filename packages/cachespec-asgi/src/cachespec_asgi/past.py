"""Requests that have no place in the cache at all."""

from __future__ import annotations

from cachespec import CacheInfo, Policy, Verdict, lines_added

from .interface import Message, Send
from .lines import RAW_TARGET, octets, raw_lines, without


def past(policy: Policy, send: Send, why: Verdict) -> Send:
    """A `send` that passes everything on, with what the cache adds, and without what is for the cache only."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            info = CacheInfo("bypass", [why], forward="bypass")
            lines = without(raw_lines(message), RAW_TARGET) + octets(lines_added(policy, info))
            message = {**message, "headers": lines}
        await send(message)

    return sent
