"""Responses that pass without an exchange."""

from __future__ import annotations

from cachespec import CacheInfo, Policy, Verdict, lines_added

from .handle import Handle
from .interface import Message, Send
from .lines import RAW_TARGET, octets, raw_lines, without
from .shortcut import Shortcut, Target
from .terms import declared


class Past:
    """For a request that has no place in the cache at all: everything passes, but for what is for the cache only."""

    __slots__ = ("_handle", "_info", "_policy", "_send")

    def __init__(self, policy: Policy, handle: Handle, why: Verdict, send: Send) -> None:
        self._policy = policy
        self._handle = handle
        self._info = handle.info = CacheInfo("bypass", [why], forward="bypass")
        self._send = send

    async def sent(self, message: Message) -> None:
        """The application's `send`."""
        if message["type"] == "http.response.start":
            lines = without(declared(self._handle, message["status"], raw_lines(message)), RAW_TARGET)
            message = {**message, "headers": lines + octets(lines_added(self._policy, self._info))}
        await self._send(message)


class Passing:
    """For a target whose responses pass unseen (see `shortcut`)."""

    __slots__ = ("_handle", "_send", "_shortcut", "_target")

    def __init__(self, shortcut: Shortcut, target: Target, handle: Handle, send: Send) -> None:
        self._shortcut = shortcut
        self._target = target
        self._handle = handle
        self._send = send

    async def sent(self, message: Message) -> None:
        """The application's `send`."""
        if message["type"] == "http.response.start":
            status, lines = message["status"], raw_lines(message)
            if self._handle.fields:
                lines = declared(self._handle, status, lines)
            message = {**message, "headers": self._shortcut.refused(self._target, status, lines)}
        await self._send(message)
