"""Where calls that block run: at once, or away from the event loop (ADR 0011).

As many calls run at a time as there are connections in the pool; the next one waits here, where
waiting costs nothing, and is told to come again after some seconds. A write to SQLite takes a
millisecond or two, less than handing it to a thread and the interpreter's lock back and forth.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

from domain.refusals import Unavailable
from projections.database import Database
from projections.engines.backend import WAIT_SECONDS, MayTakeLong, WouldWait
from projections.engines.waiting import on_the_loop

R = TypeVar("R")
TURN_SECONDS = 0.1
"""How long a short write waits for the right to write before it goes to a thread."""
POLL_SECONDS = 0.001


class Workers:
    """The places of one process where a call may hold a database connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._readers = CapacityLimiter(database.backend.readers)
        self._writers = CapacityLimiter(database.backend.writers)

    async def read(self, call: Callable[..., R], *arguments: Any) -> R:
        """Run a blocking call that only reads. Raises as :meth:`write`."""
        return await _run(self._readers, partial(call, *arguments))

    async def glance(self, call: Callable[..., R], *arguments: Any) -> R:
        """Run a call of one point read or two on the event loop. Raises as :meth:`write`."""
        if self._database.backend.waits:
            return await self._between_waits(self._readers, partial(call, *arguments))
        return call(*arguments)

    async def write(self, call: Callable[..., R], *arguments: Any) -> R:
        """Run a call that may write and return what it returns.

        It runs on the event loop: where the engine waits for a server, among others; where it
        waits for nobody, as soon as the right to write is free. What may take long, or has waited
        for the right for :data:`TURN_SECONDS`, begins again in a thread. Nothing has happened by
        then.

        A client that hangs up does not interrupt it: it ends whole, or not at all (ABUSE H13).

        Raises:
            Unavailable: no place became free within :data:`WAIT_SECONDS`.
        """
        begun = partial(call, *arguments)
        if self._database.backend.waits:
            return await self._between_waits(self._writers, begun)
        last_turn = monotonic() + TURN_SECONDS
        while True:
            try:
                if not self._database.is_written_to:
                    with self._database.not_waiting():
                        return begun()
            except MayTakeLong:
                break
            except WouldWait:
                pass
            if monotonic() >= last_turn:
                break
            # A thread would cost twice the processor, and hold up the next one in its turn:
            # once one write went there, all that come meanwhile would follow it.
            await anyio.sleep(POLL_SECONDS)
        return await _run(self._writers, begun)

    async def _between_waits(self, limiter: CapacityLimiter, call: Callable[[], R]) -> R:
        async with _place(limiter):
            try:
                with self._database.not_waiting():
                    return await on_the_loop(call)
            except MayTakeLong:
                return await to_thread.run_sync(call)


async def _run(limiter: CapacityLimiter, call: Callable[[], R]) -> R:
    async with _place(limiter):
        return await to_thread.run_sync(call)


@asynccontextmanager
async def _place(limiter: CapacityLimiter) -> AsyncIterator[None]:
    borrower = object()
    try:
        limiter.acquire_on_behalf_of_nowait(borrower)
    except anyio.WouldBlock:
        try:
            with anyio.fail_after(WAIT_SECONDS):
                await limiter.acquire_on_behalf_of(borrower)
        except TimeoutError:
            raise Unavailable("the service is busy; try again in a moment") from None
    try:
        yield
    finally:
        limiter.release_on_behalf_of(borrower)
