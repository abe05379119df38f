"""Lookups by userName in a small and in a large directory on PostgreSQL, in turn."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median

from tests.postgresql.binaries import NoPostgreSQL
from tests.postgresql.cluster import Cluster

from .driving import drive
from .filling import as_autovacuum_would, cause_in, fill_users, service_at
from .on_postgresql import durable, read_settings
from .rounds import Contender, say
from .servers import REALM, rollbook
from .steps import LOOKUPS

TURNS = 10
WARM_UP = 50
BY_NAME = LOOKUPS[0]


@dataclass(slots=True)
class TwoSizes:
    """Median milliseconds of a lookup over one connection, at each size."""

    sizes: tuple[int, int]
    reason: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    medians: tuple[float, float] = (0.0, 0.0)
    failures: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        return self.medians[1] / self.medians[0] if self.medians[0] else None


def measure_two_sizes(sizes: tuple[int, int], lookups: int, logs: Path) -> TwoSizes:
    """The same number of lookups at each size, a tenth at a time: what else the machine does
    meanwhile meets both.
    """
    measured = TwoSizes(sizes)
    try:
        with ExitStack() as stack:
            cluster = stack.enter_context(durable())
            measured.settings = read_settings(cluster)
            pair = [_directory_of(stack, cluster, logs, users) for users in sizes]
            taken: list[list[float]] = [[] for _ in sizes]
            for turn in range(TURNS):
                for place in (0, 1) if turn % 2 else (1, 0):
                    taken[place] += _look_up(pair[place], turn, lookups // TURNS)
            small, large = (median(latencies) * 1000 for latencies in taken)
            measured.medians = (small, large)
            measured.failures = [text for one in pair for text in one.failures]
    except NoPostgreSQL as none:
        measured.reason = str(none)
    return measured


def _directory_of(stack: ExitStack, cluster: Cluster, logs: Path, users: int) -> Contender:
    """A server of its own whose database holds so many users, as vacuum leaves them."""
    name = f"rollbook-{users}"
    url = cluster.create_database(name)
    contender = Contender(stack.enter_context(rollbook(logs, name, url)))
    say(f"filling a directory of {users} users")
    with service_at(url, logs / f"{name}.key") as service:
        fill_users(service, cause_in(service, REALM), contender.directory, users)
        as_autovacuum_would(service)
    _look_up(contender, 0, WARM_UP)
    return contender


def _look_up(contender: Contender, turn: int, count: int) -> list[float]:
    conversations = islice(BY_NAME.begin(contender.directory, turn), count)
    done = drive(contender.server.target, conversations, concurrency=1)
    contender.keep_failures("lookup", done)
    return done.latencies
