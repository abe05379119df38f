"""How many requests there were, and how long they took: counted by whoever serves them.

Labels are names this service provider gave (a method, the template of a route, a status): no realm,
no id, nothing that a client wrote. Their number is bounded by the routes there are.

Counting is a few additions to numbers of this process; they are told once a second. The library's
histograms, with the files it shares between processes, were measured at 10 µs a request: they are
written at every one.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from anyio import to_thread

from api.journaling import method_of, template_of
from api.operators.sharing import OwnFile

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Of the buckets, in seconds; waiting for the database ends after five (ADR 0011)."""
TELL_SECONDS = 1.0
NO_ROUTE = "none"
"""Of an address at which there is nothing."""
Kind = tuple[str, str, int]
"""Method, template of the route, status; 0 where nothing was answered."""
Tally = list[float]
"""How many took up to each bound, how many took longer, and the seconds of all together."""
log = structlog.get_logger()


def no_requests() -> Tally:
    """Return the tally of no request at all."""
    return [0.0] * (len(BOUNDS) + 2)


class RequestCounter:
    """The requests of one process; to be used from its event loop alone."""

    def __init__(self, folder: Path) -> None:
        self.tallies: dict[Kind, Tally] = {}
        self._file = OwnFile(folder)
        self._has_news = False
        self._stopping = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request."""
        kind = (method, route or NO_ROUTE, status)
        tally = self.tallies.get(kind)
        if tally is None:
            tally = self.tallies[kind] = no_requests()
        tally[bisect_left(BOUNDS, seconds)] += 1
        tally[-1] += seconds
        self._has_news = True

    async def tell(self) -> None:
        """Tell what was counted so far, where there is anything new."""
        if not self._has_news:
            return
        self._has_news = False
        news = [[*kind, list(tally)] for kind, tally in self.tallies.items()]
        try:
            await to_thread.run_sync(self._file.write, news)
        except OSError as error:
            log.warning("counters.not-told", cause=repr(error))
            self._has_news = True

    def start(self) -> None:
        """Begin to tell once a second."""
        self._telling = asyncio.create_task(self._keep_telling())

    async def stop(self) -> None:
        """Tell what is left, and no more."""
        self._stopping.set()
        if self._telling is not None:
            await self._telling  # not cancelled: its thread would go on writing the same file
        await self.tell()

    async def _keep_telling(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TELL_SECONDS)
            await self.tell()


def count(scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
    """Count a request, where anybody is to be told."""
    application = scope.get("app")
    counter = getattr(application.state, "counter", None) if application else None
    if counter is not None:
        counter.count(method_of(scope), template_of(scope), status, seconds)


def added_up(told: Iterable[Any]) -> dict[Kind, Tally]:
    """Return the requests of all processes, from what each of them told."""
    found: dict[Kind, Tally] = {}
    for each in told:
        for method, route, status, tally in each:
            total = found.setdefault((method, route, status), no_requests())
            total[:] = [a + b for a, b in zip(total, tally, strict=True)]
    return found
