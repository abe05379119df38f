"""Running what blocks away from the event loop (DESIGN section 5, ADR 0011).

As many calls run at a time as there are connections in the pool; the next one waits here, where
waiting costs nothing, and is told to come again after some seconds.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

from domain.refusals import Unavailable
from projections.engines import POOL_SIZE, WAIT_SECONDS

R = TypeVar("R")


class Workers:
    """The threads of one process that may hold a database connection."""

    def __init__(self, size: int = POOL_SIZE - 2) -> None:
        # Two connections stay for the point reads that run on the loop itself.
        self._limiter = CapacityLimiter(size)

    async def run(self, call: Callable[..., R], *arguments: Any) -> R:
        """Run a blocking call in a thread and return what it returns.

        A client that hangs up does not interrupt it: it ends whole, or not at all (ABUSE H13).

        Raises:
            Unavailable: no thread became free within :data:`WAIT_SECONDS`.
        """
        borrower = object()
        try:
            with anyio.fail_after(WAIT_SECONDS):
                await self._limiter.acquire_on_behalf_of(borrower)
        except TimeoutError:
            raise Unavailable("the service is busy; try again in a moment") from None
        try:
            return await to_thread.run_sync(partial(call, *arguments))
        finally:
            self._limiter.release_on_behalf_of(borrower)
