"""One request on its way: the exchange, driven by what the application pushes.  RFC 9111 §4, ASGI 3.0

A client pulls its response, an ASGI application pushes it.  So the exchange runs up to its `Send`, the application is
called, and the exchange goes on from *inside* the application's own `send`, when the start of the response arrives:
no task and no queue lies between, so context variables, cancellation and back-pressure stay the application's.

What the exchange wants then is one of these:

    Live    pass the response on, message by message as it comes, and record it on the way if there is a plan
    Stored  the application's 304 (or 5xx) has done its duty: its messages are dropped, and in the place of its last
            one goes the stored response; what the application does afterwards, background tasks say, is its own
    Send    a 304 was about something else (ruling D31): call the application once more, when it has returned
"""

from __future__ import annotations

import logging
from typing import Any, Final, TypeAlias

from cachespec import AsyncCache, CacheInfo, Live, Made, Recording, Request, Stored, Verdict, Wish
from cachespec import Send as Sending

from .interface import ASGIApp, Message, Receive, Scope, Send
from .lines import answered, octets, passed_on, response_of

log = logging.getLogger("cachespec")

HARMLESS: Final = frozenset(
    {"http.response.trailers", "http.response.early_hint", "http.response.debug", "http.response.push"}
)
"""Messages that are no part of the content; trailers are passed on and not stored (ruling D59)."""

Outcome: TypeAlias = Sending | Live[Any] | Stored | Made


class NoResponseError(Exception):
    """The application returned without a response."""


class Call:
    """The call of an application for one request, with the cache between it and the server."""

    __slots__ = (
        "_app",
        "_cache",
        "_course",
        "_ended",
        "_gone",
        "_next",
        "_receive",
        "_recording",
        "_replayed",
        "_request",
        "_scope",
        "_send",
        "_why",
    )

    def __init__(
        self,
        app: ASGIApp,
        cache: AsyncCache,
        scope: Scope,
        receive: Receive,
        send: Send,
        request: Request,
        wish: Wish,
        why: Verdict | None = None,
    ) -> None:
        self._app = app
        self._cache = cache
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request = request
        self._course = cache.course(request, wish)
        self._why = why
        self._next: Outcome | None = None
        self._recording: Recording | None = None
        self._ended = False
        self._gone = False
        self._replayed = False

    async def run(self) -> None:
        """Answer the request.  What the application raises comes out of here, unless a stored response stood in."""
        try:
            step: Outcome = await self._cache.advance(self._course)
            if isinstance(step, Sending):
                await self._forward(step)
            else:
                await self._answer(step)
        except NoResponseError as error:
            # The server sees that, too, and has words of its own for it.
            self._course.broken(error)
        except BaseException as error:
            self._forget(None)
            self._course.broken(error)
            raise

    # --- the application

    async def _forward(self, step: Sending) -> None:
        """Call the application, as often as the exchange wants."""
        # Frameworks write into the scope; a second call has to find it as the first did.
        pristine = self._scope if step.request is self._request else dict(self._scope)
        failure = await self._ask(step, self._scope, self._received)
        failure = await self._settle(failure)
        if isinstance(self._next, Sending):
            later = await self._ask(self._next, pristine, self._received_again)
            failure = await self._settle(later) or failure
        if isinstance(self._next, Stored) and not self._ended:
            await self._answer(self._next)
        if failure is not None:
            raise failure

    async def _ask(self, step: Sending, scope: Scope, receive: Receive) -> Exception | None:
        """Call the application; what it failed with."""
        self._next = None
        self._ended = False
        headers = scope["headers"]
        if step.request is not self._request:
            # In place: what the application leaves in the scope is for those around it to see.
            scope["headers"] = octets(step.request.headers.lines)
        try:
            await self._app(scope, receive, self._sent)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised again or answered
            return error
        finally:
            scope["headers"] = headers
        return None

    async def _settle(self, failure: Exception | None) -> Exception | None:
        """Go on after the application has returned or failed; its failure, unless a stored response stands in."""
        if self._course.cut is not None:
            # Cut off by a cancel scope of the application's own, inside its `send`: the step counts as failed.
            self._next = await self._cache.advance(self._course)
        outcome = self._next
        unfinished = outcome is None or (isinstance(outcome, Sending) and not self._ended)
        if unfinished:
            self._next = await self._cache.advance(self._course, failure=failure or NoResponseError())
            if failure is not None:
                log.error("a stored response stands in for an application that failed", exc_info=failure)
            return None
        # Without an exception it may have seen that the client has gone; with one, the next might fail as well.
        self._forget(None if failure is None or self._gone else False)
        return failure

    async def _received(self) -> Message:
        """The application's `receive`."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._gone = True
        return message

    async def _received_again(self) -> Message:
        """The `receive` of a second call: the first one has eaten the request."""
        if self._replayed:
            return await self._received()
        self._replayed = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _sent(self, message: Message) -> None:
        """The application's `send`."""
        outcome = self._next
        if outcome is None:
            if message["type"] == "http.response.start":
                await self._begin(message)
            else:
                await self._send(message)
        elif self._recording is not None:
            await self._record(self._recording, message)
        elif isinstance(outcome, Live):
            await self._send(message)
        elif message["type"] not in HARMLESS and not message.get("more_body", False):
            self._ended = True
            if isinstance(outcome, Stored):
                await self._answer(outcome)

    async def _begin(self, message: Message) -> None:
        """The response's head has come: what becomes of it?"""
        head = response_of(message)
        outcome = self._next = await self._cache.advance(self._course, (head, self))
        if isinstance(outcome, Live):
            if self._why is not None:
                outcome.info.verdicts.append(self._why)
            if outcome.plan is not None:
                self._recording = Recording(outcome.plan, self._cache.policy, outcome.info)
            await self._send(passed_on(message, head, self._cache.policy, outcome.info))

    async def aclose(self) -> None:
        """The exchange has no use for the application's response: see `_sent`."""

    # --- recording

    async def _record(self, recording: Recording, message: Message) -> None:
        """Pass a message on, and its content into the store: complete there before its end is passed on."""
        kind = message["type"]
        if kind == "http.response.body":
            body = message.get("body", b"")
            try:
                if body and recording.take(body if type(body) is bytes else bytes(body)):
                    await self._cache.run(recording.flush())
                if recording.complete or not message.get("more_body", False):
                    stored = await self._cache.run(recording.commit())
                    self._recording = None
                    self._course.recorded(stored)
            except BaseException:
                # Cut off by a cancel scope of the application's own, maybe, which may go on sending.
                self._forget(None)
                raise
            if not recording.going:
                self._forget(False)
        elif kind not in HARMLESS:
            # Content that does not come in chunks, or something newer than this code.
            self._forget(False)
        await self._send(message)

    def _forget(self, stored: bool | None) -> None:
        """Record no further, and store nothing."""
        if self._recording is not None:
            recording, self._recording = self._recording, None
            self._cache.tidy(recording.abort())
            self._course.recorded(stored)

    # --- the answer from the store

    async def _answer(self, outcome: Stored | Made | Live[Any]) -> None:
        """Send a response that is not the application's."""
        send = self._send
        start = answered(outcome, self._cache.policy)
        if not isinstance(outcome, Stored) or not outcome.pieces:
            await send(start)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        content = self._cache.stored_content(outcome)
        try:
            await send(start)
            if content.whole is not None:
                await send({"type": "http.response.body", "body": content.whole, "more_body": False})
                return
            held = b""
            async for chunk in content:
                if held:
                    await send({"type": "http.response.body", "body": held, "more_body": True})
                held = chunk
            await send({"type": "http.response.body", "body": held, "more_body": False})
        finally:
            await content.aclose()


class Past:
    """A request that has no place in the cache at all: the application's response goes out as it comes."""

    __slots__ = ("_cache", "_info", "_send")

    def __init__(self, cache: AsyncCache, send: Send, why: Verdict) -> None:
        self._cache = cache
        self._send = send
        self._info = CacheInfo("bypass", [why], forward="bypass")

    async def sent(self, message: Message) -> None:
        """The application's `send`."""
        if message["type"] == "http.response.start":
            message = passed_on(message, response_of(message), self._cache.policy, self._info)
        await self._send(message)
