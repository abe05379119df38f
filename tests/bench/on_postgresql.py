"""Rollbook on a PostgreSQL of its own that writes to the disk, beside the in-memory peer."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.postgresql.binaries import NoPostgreSQL
from tests.postgresql.cluster import Cluster

from .rounds import Contender, Scale, run_rounds
from .servers import rollbook, scim2_server
from .steps import LOOKUPS, STEPS

SETTINGS = (
    "server_version",
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "wal_sync_method",
    "commit_delay",
    "commit_siblings",
    "shared_buffers",
)
PAIRED = (
    *LOOKUPS,
    *(step for step in STEPS if step.name in ("list.page100", "patch.all")),
    *(step for step in STEPS if step.name in ("create.user", "post.user", "delete.user")),
)
"""What is compared; the other kinds of request are SQLite's rows."""


@dataclass(slots=True)
class OnPostgresql:
    """The contenders in the order Rollbook, peer; none, and the reason, without PostgreSQL."""

    reason: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    contenders: list[Contender] = field(default_factory=list)


@contextmanager
def durable(settings: Mapping[str, str | int] | None = None) -> Iterator[Cluster]:
    """A cluster that syncs each commit. Raises NoPostgreSQL where this machine has none."""
    with Cluster(durable=True, settings=settings) as cluster:
        yield cluster


def read_settings(cluster: Cluster, names: Sequence[str] = SETTINGS) -> dict[str, str]:
    """What the server itself says is in force for a new session."""
    with cluster.connect() as connection:
        rows = [connection.execute("SELECT current_setting(%s)", [n]).fetchone() for n in names]
    return {name: str(row[0]) if row else "?" for name, row in zip(names, rows, strict=True)}


def compare_on_postgresql(scale: Scale, logs: Path) -> OnPostgresql:
    """Paired rounds as on SQLite, of the requests that have a target here."""
    measured = OnPostgresql()
    try:
        with ExitStack() as stack:
            cluster = stack.enter_context(durable())
            measured.settings = read_settings(cluster)
            url = cluster.create_database("bench")
            measured.contenders = [
                Contender(stack.enter_context(rollbook(logs, "rollbook-pg", url))),
                Contender(stack.enter_context(scim2_server(logs))),
            ]
            run_rounds(measured.contenders, PAIRED, scale)
    except NoPostgreSQL as none:
        measured.reason = str(none)
    return measured


def processor_microseconds(contender: Contender, names: Sequence[str]) -> float:
    """The worker's processor time a request, over all rounds of some steps."""
    drives = [m for name in names for m in contender.measured.get(name, ())]
    requests = sum(len(m.latencies) for m in drives)
    return sum(m.server_seconds for m in drives) / requests * 1e6 if requests else 0.0
