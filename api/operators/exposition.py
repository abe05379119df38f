"""Everything in numbers, as text in Prometheus' exposition format.

What stands in the database is read from it at each question, so the answer does not depend on who
gives it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from math import inf
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString
from sqlalchemy.exc import DBAPIError

from api.operators.counting import BOUNDS, added_up
from api.operators.sharing import told_by_all
from domain.refusals import Unavailable
from projections.database import Database
from replay.status import ModelStatus, read_model_status

__all__ = ["CONTENT_TYPE", "exposition"]
log = structlog.get_logger()
_MODEL = ("read_model", "generation")
_FAMILIES: Sequence[tuple[str, str, Callable[[ModelStatus], float]]] = (
    (
        "position",
        "Position in the log of the last event a read model has taken.",
        lambda each: each.position,
    ),
    ("lag_events", "Events a read model has not taken yet.", lambda each: each.lag),
    (
        "lag_seconds",
        "How long ago the first event that a read model has not taken was recorded.",
        lambda each: each.lag_seconds,
    ),
    (
        "parked_events",
        "Events a read model could not take; they wait for an operator.",
        lambda each: each.parked,
    ),
    ("stale_resources", "Resources about which an event is parked.", lambda each: each.stale),
    (
        "healthy",
        "1 while nothing about a read model waits for an operator, else 0.",
        lambda each: each.healthy,
    ),
)


class Requests:
    """Collects what all processes counted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """Give the family of metrics; the library's name."""
        family = HistogramMetricFamily(
            "rollbook_request_duration_seconds",
            "Requests, and how long they took until the last byte of the answer.",
            labels=("method", "route", "status"),
        )
        for (method, route, status), tally in added_up(told_by_all(self._folder)).items():
            *counts, seconds = tally
            upto = map(floatToGoString, (*BOUNDS, inf))
            buckets = [*zip(upto, accumulate(counts), strict=True)]
            family.add_metric((method, route, str(status)), buckets, seconds)
        yield family


class ReadModels:
    """Collects the state of the read models for one answer; where the database is gone, says so."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        """Give the families of metrics; the library's name."""
        found = self._found()
        up = GaugeMetricFamily("rollbook_database_up", "1 while the database answers, else 0.")
        up.add_metric((), found is not None)
        yield up
        for name, text, value_of in _FAMILIES:
            family = GaugeMetricFamily(f"rollbook_read_model_{name}", text, labels=_MODEL)
            for each in found or ():
                family.add_metric(_labels(each), value_of(each))
            yield family
        states = GaugeMetricFamily(
            "rollbook_read_model_state",
            "1 for the state a read model is in.",
            labels=(*_MODEL, "kind", "state"),
        )
        for each in found or ():
            states.add_metric((*_labels(each), each.kind, each.state), 1)
        yield states

    def _found(self) -> list[ModelStatus] | None:
        try:
            return list(read_model_status(self._database, pause=None))
        except (Unavailable, DBAPIError) as error:
            log.warning("metrics.unavailable", cause=repr(error.__cause__ or error))
            return None


def _labels(each: ModelStatus) -> tuple[str, str]:
    return each.read_model, str(each.generation)


def exposition(database: Database, folder: Path) -> bytes:
    """Return every metric, of the database and of all processes that serve.

    As :data:`CONTENT_TYPE`, whatever the asker understands besides: every Prometheus reads it.
    """
    registry = CollectorRegistry()
    registry.register(ReadModels(database))
    registry.register(Requests(folder))
    return generate_latest(registry)
