"""The driver for asynchronous code, on asyncio and on trio."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from copy import copy
from typing import Any, TypeAlias, TypeVar

from . import forks, waiting
from .case import Case, Clock
from .content import AsyncContent, AsyncStoredContent, ended
from .drive import (
    PAUSES,
    Answer,
    Course,
    Uses,
    is_async,
    lines_added,
    refresh_failed,
    shared_by_more,
    with_lines,
)
from .entries import Entry
from .exchange import exchange
from .flight import Flights
from .forwarding import answered, answered_at_once, sent
from .inventory import AsyncInventory
from .live import AsyncLiveContent, AsyncLiveResponse, Left, aborted
from .messages import Request
from .plain import Looked, keys_at, plain_fresh, plain_hit, plain_keys, plain_miss
from .policy import NO_WISH, Policy, Wish
from .record import Recording
from .selection import Keys
from .shelter import Shelter
from .steps import Close, Drain, Flow, Join, Live, Made, Outcome, Read, Release, Send, Stored, StoreFlow, StoreStep
from .stores.contract import AsyncStore, Store
from .stores.memory import MemoryStore

L = TypeVar("L", bound=AsyncLiveResponse)
R = TypeVar("R")
AsyncSender: TypeAlias = Callable[[Request], Awaitable[L]]
"""Sends a request, and gives the response as soon as its head is there.  Given the very request that `fetch` was given,
it should send the original message untouched."""


class AsyncCache(AsyncInventory):
    """An HTTP cache for asynchronous code, to be shared by the tasks of one loop.

    `store` defaults to a new `MemoryStore`; one made for synchronous code works too, in threads where a call may wait.
    `clock` gives seconds since the epoch.
    """

    def __init__(
        self, store: AsyncStore | Store | None = None, policy: Policy | None = None, *, clock: Clock = time.time
    ) -> None:
        self.store: Any = MemoryStore() if store is None else store
        self.policy: Policy = Policy() if policy is None else policy
        self.clock: Clock = clock
        self.shelter: Shelter = Shelter()
        self.tasks: waiting.Tasks = waiting.Tasks()
        """The background refreshes."""
        self._uses = Uses()
        self._flights = Flights()
        self._left: Left = deque()
        self._forks = forks.seen
        self._async = is_async(self.store)
        self._shared = shared_by_more(self.store)
        blocking = getattr(self.store, "blocking", "always")
        self._inline = not self._async and blocking == "never"
        self._inline_reads = not self._async and blocking == "writes"

    async def fetch(self, request: Request, send: AsyncSender[L], wish: Wish = NO_WISH) -> Answer[L, AsyncContent]:
        """Answer `request`, from the store or through `send`.

        What `send` raises comes out of here, unless a stored response stands in.  The answer's content has to be read
        to its end or closed.
        """
        if self._left or self._forks != forks.seen:
            self._tidy_up()
        looked, case, since = None, None, self._flights.over
        keys = plain_keys(request, self.policy, wish)
        if keys is not None:
            key = keys.primary
            looked = keys, (self.shelter.read(key, self.store) if self._inline else await self.perform(Read(key)))
            item = looked[1].item
            if item is None:
                case = plain_miss(request, self.policy, self.clock, wish, looked)
            else:
                hit = plain_hit(request, keys.url, item, self.policy, self.clock())
                if hit is not None:
                    return self._stored(hit)
        course = Course(self._flights, self.tidy, since)
        if case is not None and self._boards(course, case.keys.primary):
            outcome: Outcome[L] = await self._forward(course, case, send)
        else:
            flow = exchange(request, self.policy, self.clock, wish, looked=looked)
            outcome = await self._conduct(course, flow, send)
        if isinstance(outcome, Live):
            added = lines_added(self.policy, outcome.info)
            return Answer(outcome.head, self.record(course, outcome), outcome.info, outcome.live, added)
        answer = self._stored(outcome)
        if isinstance(outcome, Stored) and outcome.refresh:
            if not self.tasks.spawn(self._refreshed, request, send, wish):
                # Nothing here outlives the request, so it is refreshed before the answer goes out.
                try:
                    await self._refreshed(request, send, wish)
                except BaseException:
                    await answer.content.aclose()
                    raise
        return answer

    async def aclose(self) -> None:
        """Cancel background refreshes.  The store stays open."""
        await self.tasks.aclose()

    # --- driving; what pushes rather than pulls, such as an ASGI application, does so by itself with these

    def course(
        self,
        request: Request,
        wish: Wish = NO_WISH,
        *,
        background: bool = False,
        looked: Looked | None = None,
    ) -> Course:
        """A new exchange, to be driven with `advance`.

        `looked` is where a plain request finds its answer, and what lies there, if somebody has just looked.
        """
        if self._left or self._forks != forks.seen:
            self._tidy_up()
        course = Course(self._flights, self.tidy)
        case = None if looked is None else plain_miss(request, self.policy, self.clock, wish, looked)
        if case is not None and self._boards(course, case.keys.primary):
            course.flow = sent(case)
        else:
            course.flow = exchange(request, self.policy, self.clock, wish, background=background, looked=looked)
        return course

    def glance(self, url: str, keys: Keys | None = None) -> Looked | None:
        """Where a plain request (`plain`) for `url` finds its answer, and what lies there, for `fresh` and `course`.

        None where it has no key, where looking might have to wait, or where the store is in trouble.  `keys` is where
        it was found before.
        """
        if not (self._inline or self._inline_reads) or self.shelter.owed or self.shelter.resting:
            return None
        if keys is None:
            keys = keys_at(url, self.policy)
            if keys is None:
                return None
        try:
            return keys, self.store.read(keys.primary)
        except Exception:
            return None

    def fresh(self, looked: Looked, now: float) -> Entry | None:
        """What `glance` has found, if it is a response that answers the request at `now` as it lies there."""
        keys, reading = looked
        return plain_fresh(keys.url, reading.item, self.policy, now)

    def pieces(self, entry: Entry) -> list[bytes] | None:
        """The body of a stored response, in pieces; None where it is gone, came in parts, or takes waiting."""
        if entry.body_id is None or not self._inline:
            return None
        try:
            body = self.store.open(entry.body_id)
            if body is None:
                return None
            pieces = list(body.chunks(0, entry.length))
            body.close()
        except Exception:
            return None
        return pieces or [b""]

    def reopen(self, store: AsyncStore | Store) -> None:
        """Go on with `store`, of the same kind, in the place of one that was closed."""
        self.store = store
        self._shared = shared_by_more(store)

    def under(self, policy: Policy) -> AsyncCache:
        """This cache with another policy for some of the requests: the same store, the same flights."""
        other = copy(self)
        other.policy = policy
        return other

    async def advance(
        self, course: Course, result: Any = None, failure: Exception | None = None
    ) -> Send | Drain[Any] | Outcome[L]:
        """Perform steps until something has to be sent, or read into the store, or there is an outcome.

        `result` is the head and the live response of what was sent, or what is stored of what was read (an `Entry`, or
        None); `failure` is the error it ended with.  Any other exception than a failure of the exchange itself leaves
        the flight to `Course.broken`.

        Where a call was cancelled in the middle of a step (`Course.cut`) and the exchange is to go on nevertheless, the
        step counts as failed.
        """
        flow: Any = course.flow
        if course.cut is not None:
            result, course.cut = course.cut.otherwise, None
        try:
            while True:
                step = flow.send(result) if failure is None else flow.throw(failure)
                if isinstance(step, Send):
                    return step
                if isinstance(step, Drain):
                    course.drains(self.policy.collapse_wait)
                    return step
                result = failure = None
                try:
                    result = await self._performed(course, step)
                except Exception as error:
                    failure = error
        except StopIteration as end:
            course.concluded(end.value, self.policy.collapse_wait)
            outcome: Outcome[L] = end.value
            return outcome

    async def _performed(self, course: Course, step: Any) -> Any:
        """The result of a step that takes nobody else."""
        if isinstance(step, Join):
            joined = await self._join(course, step)
            course.since = self._flights.over
            return joined
        if isinstance(step, Close):
            return await step.live.aclose()
        course.cut = step
        result = await self.perform(step)
        course.cut = None
        return result

    async def perform(self, step: StoreStep) -> Any:
        """The result of a step for the store; if the store fails, what the step has for that case."""
        shelter = self.shelter
        if self._inline:
            return shelter.performed(step, self.store)
        if shelter.resting_until and shelter.resting:
            return shelter.spared(step)
        try:
            while shelter.owed:
                owed = shelter.oldest()
                await self._ask(self.store.purge, owed)
                shelter.delivered(owed)
            if self._inline_reads and type(step) is Read:
                return step.on(self.store)
            if type(step) is Release and not self._async:
                # Other processes wait for this, and nobody here.
                return waiting.let_run(step.on, self.store)
            return await self._ask(step.on, self.store)
        except Exception as failure:
            return shelter.failed(step, failure)
        except BaseException:
            # Cancelled: nobody knows whether a purge was delivered, and none is ever lost.
            shelter.spared(step)
            raise

    async def run(self, flow: StoreFlow[R], perform: Callable[[StoreStep], Awaitable[Any]] | None = None) -> R:
        """Drive a flow that asks for nothing but the store."""
        if self._inline and perform is None:
            return self._at_once(flow)
        perform = perform or self.perform
        try:
            step = next(flow)
            while True:
                step = flow.send(await perform(step))
        except StopIteration as end:
            result: R = end.value
            return result

    def _at_once(self, flow: StoreFlow[R]) -> R:
        """`run`, where nothing has to be waited for."""
        return self.shelter.run(flow, self.store)

    def tidy(self, flow: StoreFlow[Any]) -> None:
        """Drive a flow that cleans up, without waiting: the task may be being cancelled.

        What cannot be done so is left to the store's sweep.
        """
        if self._async:
            self.tasks.spawn(self.run, flow)
            return
        for step in flow:
            if self._inline:
                waiting.quietly(step.on, self.store)
            else:
                waiting.let_run(step.on, self.store)

    def record(self, course: Course, outcome: Live[L]) -> AsyncLiveContent:
        """The content of a live response, recorded on its way where there is a plan for it."""
        recording = None if outcome.plan is None else Recording(outcome.plan, self.policy, outcome.info)
        at_once = self._at_once if self._inline else None
        return AsyncLiveContent(outcome.live, recording, self.run, at_once, self.tidy, course.recorded, self._left)

    def stored_content(self, outcome: Stored) -> AsyncStoredContent:
        """The content of an answer from the store."""
        hop = None if self._inline else waiting.in_thread
        return AsyncStoredContent(outcome.pieces, outcome.entry.body, outcome.body, hop)

    def _stored(self, outcome: Stored | Made) -> Answer[Any, AsyncContent]:
        """The answer that is no live response."""
        head = with_lines(outcome.head, lines_added(self.policy, outcome.info))
        if isinstance(outcome, Made):
            return Answer(head, AsyncStoredContent((), None, None, None), outcome.info)
        outcome.info.uses = self._uses.once_more(outcome.entry)
        return Answer(head, self.stored_content(outcome), outcome.info)

    def _tidy_up(self) -> None:
        """Abort what was left behind, and make anew what a child process has not inherited."""
        if self._forks != forks.seen:
            # It has not its parent's flights, and a lock may be held by nobody.
            self._forks = forks.seen
            self._flights = Flights()
            self.shelter = self.shelter.inherited()
        for abort in aborted(self._left):
            self.tidy(abort)

    async def _forward(self, course: Course, case: Case, send: AsyncSender[L]) -> Live[L]:
        """What `_conduct` comes to for a plain miss."""
        live: L | None = None
        try:
            requested = case.clock()
            live = await send(case.request)
            head, received = live.head, case.clock()
            outcome = answered_at_once(case, head, live, requested, received)
            if outcome is None:
                outcome = await self.run(answered(case, head, live, requested, received))
        except BaseException as error:
            course.broken(error)
            if live is not None:
                await live.aclose()
            raise
        course.concluded(outcome, self.policy.collapse_wait)
        return outcome

    async def _conduct(self, course: Course, flow: Flow[Outcome[Any]], send: AsyncSender[L]) -> Outcome[L]:
        """Drive an exchange to its outcome."""
        course.flow = flow
        live: L | None = None
        result: Any = None
        failure: Exception | None = None
        try:
            while True:
                step = flow.send(result) if failure is None else flow.throw(failure)
                result = failure = None
                try:
                    if isinstance(step, Send):
                        live = await send(step.request)
                        result = live.head, live
                    elif isinstance(step, Drain):
                        result = await self._drain(course, step)
                    else:
                        result = await self._performed(course, step)
                except Exception as error:
                    failure = error
        except StopIteration as end:
            course.concluded(end.value, self.policy.collapse_wait)
            outcome: Outcome[L] = end.value
            return outcome
        except BaseException as error:
            course.broken(error)
            if live is not None:
                # Nobody else knows of it: its connection would never be given back.
                await live.aclose()
            raise

    async def _drain(self, course: Course, step: Drain[L]) -> Entry | None:
        """Read a live response to its end, into the store; what is stored then."""
        course.drains(self.policy.collapse_wait)
        recording = Recording(step.plan, self.policy, step.info)
        chunks = step.live.chunks()
        try:
            async for chunk in chunks:
                if recording.take(chunk):
                    await self.run(recording.flush())
                if not recording.going:
                    break
            await self.run(recording.commit())
        finally:
            self.tidy(recording.abort())
            await ended(chunks)
            await step.live.aclose()
        return recording.entry

    async def _ask(self, call: Callable[..., Any], *args: Any) -> Any:
        """The result of a call to the store, whatever its colour."""
        if self._async:
            return await call(*args)
        return await waiting.in_thread(call, *args)

    def _boards(self, course: Course, slot: bytes) -> bool:
        """Whether `course` can set off at once: nobody else is under way, or nobody waits for anybody."""
        policy = self.policy
        if not policy.collapse:
            return True
        if policy.collapse_across and self._shared():
            return False
        loop, task = waiting.current()
        return course.board((loop, slot), task)[0]

    async def _join(self, course: Course, step: Join) -> str:
        loop, task = waiting.current()
        slot = (loop, step.slot)
        if course.leads(slot):
            return "lead"
        leads, flight = course.board(slot, task)
        if leads:
            return await self._lease(course, step) if self.policy.collapse_across and self._shared() else "lead"
        if flight is None or not step.wait:
            return "alone"
        self._flights.wait(flight)
        try:
            while flight.landing is None:
                waiter = waiting.Waiter()
                if self._flights.watch(flight, waiter.wake) and not await waiter.wait(flight.remaining()):
                    return "alone"
        finally:
            self._flights.leave(flight)
        return flight.landed()

    async def _lease(self, course: Course, step: Join) -> str:
        """Settle with other processes who goes; ``again`` if one of them went meanwhile."""
        lease = course.leased(step.slot)
        for tries, pause in enumerate(PAUSES):
            if await self.perform(lease):
                return "again" if tries else "lead"
            if not step.wait:
                return "alone"
            await waiting.Waiter().wait(pause)
        return "lead"

    async def _refreshed(self, request: Request, send: AsyncSender[L], wish: Wish) -> None:
        try:
            course = Course(self._flights, self.tidy)
            flow = exchange(request, self.policy, self.clock, wish, background=True)
            outcome = await self._conduct(course, flow, send)
            if isinstance(outcome, Live):
                content = self.record(course, outcome)
                try:
                    if content.recorded:
                        async for _ in content:
                            pass
                finally:
                    await content.aclose()
            elif isinstance(outcome, Stored):
                # Confirmed, or refreshed by somebody else meanwhile: nobody reads it.
                await self.stored_content(outcome).aclose()
        except Exception as error:
            refresh_failed(request, error)
