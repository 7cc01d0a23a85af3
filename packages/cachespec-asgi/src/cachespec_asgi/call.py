"""The call of the application: the exchange, driven by what the application pushes.  RFC 9111 §4, ASGI 3.0

A client pulls its response, an ASGI application pushes it.  So the exchange runs up to its `Send`, the application is
called, and the exchange goes on from *inside* the application's own `send`, when the start of the response arrives:
no task and no queue lies between, so context variables, cancellation and back-pressure stay the application's.

What the exchange wants then is one of these:

    Live    pass the response on, message by message as it comes, and record it on the way if there is a plan
    Stored  the application's 304 (or 5xx) has done its duty: its messages are dropped, and in the place of its last
            one goes the stored response; what the application does afterwards, background tasks say, is its own
    Send    a 304 was about something else (ruling D31): call the application once more, when it has returned
    Drain   it is what was missing of a stored response: read it into the store, to its end, before anything goes out
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cachespec import SCOPE_KEY, CacheInfo, Course, Drain, Live, Made, Request, Stored, Verdict, Waiter, lines_added
from cachespec import Send as Sending

from .answer import answer
from .handle import Handle
from .interface import Message, Receive, Scope, Send
from .lines import OWN_TARGET, RAW_TARGET, for_one_user, head_of, octets, raw_lines, without
from .shortcut import Target
from .tee import CONTENT, Tee, unrolled
from .terms import Terms, judged

if TYPE_CHECKING:
    from .middleware import CacheMiddleware

log: Final = logging.getLogger("cachespec")

START: Final = "http.response.start"

CUT = Verdict(False, "cut", "CacheMiddleware", "The application gave up its first attempt to answer.")

Outcome: TypeAlias = Sending | Drain[Any] | Live[Any] | Stored | Made


class NoResponseError(Exception):
    """The application returned without a response."""


class Call:
    """The call of an application for one request, with the cache between it and the server."""

    __slots__ = (
        "_absent",
        "_course",
        "_ended",
        "_gateway",
        "_gone",
        "_handle",
        "_next",
        "_receive",
        "_replayed",
        "_request",
        "_scope",
        "_send",
        "_target",
        "_tee",
        "_terms",
        "_why",
    )

    def __init__(
        self,
        gateway: CacheMiddleware,
        terms: Terms,
        scope: Scope,
        receive: Receive,
        send: Send,
        request: Request,
        course: Course,
        why: Verdict | None = None,
        target: Target | None = None,
    ) -> None:
        self._gateway = gateway
        self._terms = terms
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request = request
        self._course = course
        self._why = why
        self._target = target
        self._handle = scope[SCOPE_KEY] = Handle(gateway, scope, scope.get(SCOPE_KEY))
        self._next: Outcome | None = None
        self._tee: Tee | None = None
        self._ended = False
        """Whether the application's last message has come, or need not be waited for."""
        self._absent = False
        """Whether the client has gone."""
        self._gone = False
        """Whether the application knows."""
        self._replayed = False

    async def run(self, step: Sending) -> None:
        """Forward the request.  What the application raises comes out of here, unless a stored response stood in."""
        try:
            await self._forward(step)
        except NoResponseError as error:
            # The server sees that, too, and has words of its own for it.
            self._course.broken(error)
        except BaseException as error:
            self._forget()
            self._course.broken(error)
            if isinstance(self._next, Stored) and not self._ended and self._next.body is not None:
                await self._terms.cache.stored_content(self._next).aclose()
            raise

    # --- calling the application

    async def _forward(self, step: Sending) -> None:
        """Call the application, as often as the exchange wants."""
        scope = self._scope
        # Frameworks write into the scope; a second call has to find it as the first did.
        pristine = scope if step.request is self._request else dict(scope)
        failure = await self._settle(await self._ask(step, scope, self._received))
        if isinstance(self._next, Sending):
            later = await self._settle(await self._ask(self._next, pristine, self._received_again))
            failure = later or failure
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
            await self._gateway.app(scope, receive, self._sent)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised again or answered
            return error
        finally:
            scope["headers"] = headers
        return None

    async def _settle(self, failure: Exception | None) -> Exception | None:
        """Go on after the application has returned or failed; its failure, unless a stored response stands in."""
        cache, course = self._terms.cache, self._course
        if course.cut is not None:
            # Cut off by a cancel scope of the application's own, inside its `send`: the step counts as failed.
            self._next = await cache.advance(course)
            # Nothing of it went out, so nothing of it comes in.
            course.recorded(None)
        if isinstance(self._next, Drain):
            # It has not come to its end.
            self._forget()
        outcome = self._next
        if outcome is None or (isinstance(outcome, Sending | Drain) and not self._ended):
            if self._gone:
                # It gave up because its client did, which says nothing to those who wait.
                course.broken(GeneratorExit())
                return failure
            self._next = await cache.advance(course, failure=failure or NoResponseError())
            if failure is not None:
                log.error("a stored response stands in for an application that failed", exc_info=failure)
            return None
        self._forget(stored=None if failure is None or self._gone else False)
        return failure

    def _forget(self, *, stored: bool | None = None) -> None:
        if self._tee is not None:
            self._tee.forget(stored=stored)

    # --- the application's `receive`

    async def _received(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._absent = True
            while self._course.awaited:
                # The response is still wanted, only not by this client: the application need not know.
                deserted = Waiter()
                self._course.when_deserted(deserted.wake)
                await deserted.wait(None)
            self._gone = True
        return message

    async def _received_again(self) -> Message:
        """For a second call: the first one has eaten the request."""
        if self._replayed:
            return await self._received()
        self._replayed = True
        return {"type": "http.request", "body": b"", "more_body": False}

    # --- the application's `send`

    async def _sent(self, message: Message) -> None:
        outcome = self._next
        if outcome is None:
            if message["type"] == START:
                await self._begin(message)
            else:
                await self._send(message)
        elif isinstance(outcome, Live):
            await self._through(message)
        elif isinstance(outcome, Drain):
            await self._into(message)
        elif message["type"] in CONTENT and not message.get("more_body", False) and not self._ended:
            self._ended = True
            if isinstance(outcome, Stored):
                await self._answer(outcome)

    async def _begin(self, message: Message) -> None:
        """The response's head has come: what becomes of it?"""
        cache, terms, handle = self._terms.cache, self._terms, self._handle
        lines = raw_lines(message)
        head = head_of(message["status"], lines)
        if terms.rules or handle.fields or "session" in self._scope:
            head, lines = judged(head, lines, terms, self._scope, handle)
        if self._course.cut is not None:
            # The application has cut off its first attempt to begin: what that came to does not fit this one.
            self._course.cut = None
            self._course.broken(GeneratorExit())
            outcome: Outcome = Live(head, self, None, CacheInfo("bypass", [CUT], forward="bypass"))
        else:
            outcome = await cache.advance(self._course, (head, self))
        self._next = outcome
        if isinstance(outcome, Drain):
            self._tee = Tee(cache, self._course, outcome)
        if not isinstance(outcome, Live):
            return
        info = handle.info = outcome.info
        if self._why is not None:
            info.verdicts.append(self._why)
        self._gateway.tell(info.reason)
        if self._target is not None and "session" not in self._scope:
            self._gateway.shortcut.learn(self._target, lines, outcome)
        self._tee = Tee(cache, self._course, outcome)
        if OWN_TARGET in head.headers.fields:
            lines = without(lines, RAW_TARGET)
        if terms.private:
            lines = for_one_user(lines)
        lines.extend(octets(lines_added(cache.policy, info)))
        await self._pass({**message, "headers": lines})

    async def _through(self, message: Message) -> None:
        """Pass a message on, and its content into the store."""
        tee = self._tee
        if tee is not None and tee.going:
            if message["type"] == "http.response.pathsend":
                async for piece in unrolled(message):
                    await tee.take(piece)
                    await self._pass(piece)
                return
            await tee.take(message)
        await self._pass(message)

    async def _into(self, message: Message) -> None:
        """Take the content of a message into the store, and go on when all has come."""
        tee = self._tee
        if tee is None or message["type"] not in CONTENT:
            return
        if tee.going and message["type"] == "http.response.pathsend":
            async for piece in unrolled(message):
                await tee.take(piece)
        else:
            await tee.take(message)
        if tee.complete or not message.get("more_body", False):
            self._tee = None
            self._next = await self._terms.cache.advance(self._course, tee.entry)
            self._ended = True
            if isinstance(self._next, Stored):
                await self._answer(self._next)

    async def _pass(self, message: Message) -> None:
        """Send to the client, if it is there.  If not, the application learns it when nobody waits for it."""
        wanted = self._course.awaited or (self._tee is not None and self._tee.complete)
        if self._absent and not self._gone and wanted:
            return
        try:
            await self._send(message)
        except OSError:
            # ASGI 2.4: the client has gone.
            if not self._course.awaited:
                raise
            self._absent = True

    async def aclose(self) -> None:
        """The exchange has no use for the application's response: see `_sent`."""

    async def _answer(self, outcome: Stored) -> None:
        self._ended = True
        self._handle.info = outcome.info
        await answer(outcome, self._terms.cache, self._send, private=self._terms.private)
