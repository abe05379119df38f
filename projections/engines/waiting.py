"""How a call waits for a server: in a thread it stands still, on the event loop it steps aside.

The libraries below us are synchronous, and a thread for every request costs more than the request:
the hop there and back, and the interpreter's lock at each answer of the server. So a short call
runs on the event loop in a greenlet, and wherever it has to wait, the loop serves others until
what it waits for is there (ADR 0024). The same code runs in a thread, where it just waits.

A call that waits holds no lock of this process: others run meanwhile in the same thread.
"""

import asyncio
import select
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

from anyio import CancelScope
from greenlet import getcurrent, greenlet

R = TypeVar("R")
_READ, _WRITE = select.POLLIN, select.POLLOUT


class Call(greenlet):
    """A call under way on the event loop."""

    def __init__(self, call: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._call = call
        self._loop = loop
        self.kept: dict[str, Any] = {}
        """What it uses again and again, by name; closed when it ends."""

    def run(self) -> Any:
        """Run the call, then close what it kept."""
        try:
            return self._call()
        finally:
            while self.kept:
                self.kept.popitem()[1].close()

    def until_ready(self, descriptor: int, readiness: int) -> int:
        """Let the loop go on until a descriptor is ready; return for what."""
        loop = self._loop
        while True:
            ready = loop.create_future()
            if readiness & _READ:
                loop.add_reader(descriptor, _settle, ready, _READ)
            if readiness & _WRITE:
                loop.add_writer(descriptor, _settle, ready, _WRITE)
            try:
                self._let_go_on(ready)
            finally:
                if readiness & _READ:
                    loop.remove_reader(descriptor)
                if readiness & _WRITE:
                    loop.remove_writer(descriptor)
            if not ready.cancelled():
                return int(ready.result())

    def until_done(self, call: Callable[[], R]) -> R:
        """Let the loop go on until a thread has run a call that can only stand still."""
        working = self._loop.run_in_executor(None, call)
        while not working.done():
            done = self._loop.create_future()
            working.add_done_callback(partial(_settle, done))
            self._let_go_on(done)
        return working.result()

    def _let_go_on(self, future: "asyncio.Future[Any]") -> None:
        cast("greenlet", self.parent).switch(future)


async def on_the_loop(call: Callable[[], R]) -> R:
    """Run a call on the event loop, which goes on wherever the call waits.

    A cancellation does not interrupt it: it ends whole, or not at all (ABUSE H13). One that is
    insisted on, as by a loop that is closed, ends it where it waits, and its connection with it.

    Raises:
        whatever the call raises
    """
    begun = Call(call, asyncio.get_running_loop())
    begun.gr_context = getcurrent().gr_context
    try:
        return cast("R", await _to_its_end(begun))
    except asyncio.CancelledError:
        with CancelScope(shield=True), suppress(Exception):
            await _to_its_end(begun)
        raise
    finally:
        while not begun.dead:
            begun.throw()


async def _to_its_end(call: Call) -> Any:
    """Go on with a call until it has ended."""
    result = None
    while not call.dead:
        result = call.switch()
        if not call.dead:
            await result
    return result


def current_call() -> Call | None:
    """Return the call that runs here on the event loop, ``None`` in a thread."""
    here = getcurrent()
    return here if isinstance(here, Call) else None


def until_ready(descriptor: int, readiness: int) -> int:
    """Wait until a descriptor can be read or written, as in ``select.poll``; return for what."""
    call = current_call()
    if call is not None:
        return call.until_ready(descriptor, readiness)
    poll = select.poll()
    poll.register(descriptor, readiness)
    return poll.poll()[0][1]


def elsewhere(call: Callable[[], R]) -> R:
    """Run a call that can only stand still where it holds nobody up."""
    here = current_call()
    return call() if here is None else here.until_done(call)


def _settle(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)
