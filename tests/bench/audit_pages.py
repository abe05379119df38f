"""A page of 100 events of the audit log beside the bare SQL it needs, in logs of two sizes."""

import gc
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

import orjson
from sqlalchemy import bindparam, event, select
from starlette.datastructures import QueryParams

from api.app import GC_THRESHOLDS
from api.audit.history import events_page
from api.auth import Caller
from domain.instants import instant
from projections.tables import events

from .audit_store import CLIENTS, Store
from .rounds import say
from .servers import REALM

COUNT = 100
TURNS = 41


@dataclass(slots=True)
class PageRow:
    """Milliseconds of one combination: a page as bytes, and its statements on the bare driver."""

    conditions: str
    page: float
    bare: float
    whole: bool
    """Whether there were so many events."""

    @property
    def ratio(self) -> float:
        return self.page / self.bare


@dataclass(slots=True)
class Pages:
    """The rows of a store, by the number of its events."""

    events: int
    rows: list[PageRow] = field(default_factory=list)


def measure_pages(store: Store) -> Pages:
    """Every combination of resource, actor, action and time; both in turn, medians."""
    measured = Pages(store.shape.events)
    for named, query in combinations(store):
        ask = _asking(store, query)
        statements = _statements(store, ask)
        with closing(sqlite3.connect(store.file)) as bare:
            # As the service has it, which merges in memory.
            for pragma in ("cache_size=-65536", "temp_store=MEMORY"):
                bare.execute(f"PRAGMA {pragma}")
            with _collecting_as_the_service():
                taken = _in_turn(ask, partial(_run, bare, statements))
        whole = len(orjson.loads(ask().body)["events"]) == COUNT
        measured.rows.append(PageRow(named, *taken, whole))
    worst = max(measured.rows, key=lambda row: row.ratio)
    say(f"audit: pages at {store.shape.events:,}: {worst.ratio:.2f}x at worst ({worst.conditions})")
    return measured


@contextmanager
def _collecting_as_the_service() -> Iterator[None]:
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _run(bare: sqlite3.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        bare.execute(statement).fetchall()


def combinations(store: Store) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each names at least a page of events; ``time`` is the middle third of the log."""
    with store.service.database.reading() as connection:
        bounds = [
            connection.scalar(
                select(events.c.recorded_at).where(events.c.position == bindparam("at")),
                {"at": store.shape.events * third // 3},
            )
            or 0
            for third in (1, 2)
        ]
    parts: list[tuple[str, Mapping[str, str]]] = [
        ("resource", {"resourceId": store.users[0]}),
        ("actor", {"actor": CLIENTS[0]}),
        ("action", {"action": "user.attributes-changed"}),
        ("time", {"from": instant(bounds[0]), "to": instant(bounds[1])}),
    ]
    for chosen in range(2 ** len(parts)):
        some = [part for place, part in enumerate(parts) if chosen >> place & 1]
        named = " and ".join(name for name, _ in some) or "nothing"
        yield named, {name: text for _, query in some for name, text in query.items()}


def _asking(store: Store, query: Mapping[str, str]) -> Callable[[], Any]:
    caller = Caller(store.cause.realm, REALM, "", "", frozenset(), None, None)
    parameters = QueryParams({**query, "count": str(COUNT)})
    return lambda: events_page(store.service, caller, parameters)


def _statements(store: Store, ask: Callable[[], Any]) -> Sequence[str]:
    """The statements of the audit log that a page runs: which events they are, and the events."""
    seen: list[str] = []
    connections: list[sqlite3.Connection] = []

    @event.listens_for(store.service.database.engine, "checkout")
    def watch(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.set_trace_callback(seen.append)
        connections.append(connection)

    ask()
    event.remove(store.service.database.engine, "checkout", watch)
    for connection in connections:
        connection.set_trace_callback(None)
    return [each for each in seen if "audit_" in each and each.startswith(("SELECT", "WITH"))]


def _in_turn(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float]:
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS):
        for place in (0, 1) if turn % 2 else (1, 0):
            began = time.perf_counter()
            (ours, theirs)[place]()
            taken[place].append((time.perf_counter() - began) * 1000)
    return median(taken[0]), median(taken[1])
