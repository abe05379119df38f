"""A user who is a member of thousands of groups is deleted: one transaction, on both engines.

Every group gets an event, a new head and a new row in the read model, and loses a member row: four
row changes. As many statements about one row, sent together, on tables without further indexes, are
what they are compared with.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    insert,
    update,
)

from api.composition import Service
from domain.cause import Actor, Cause
from domain.commands import DeleteUser
from domain.handlers.realms import create_realm
from domain.handlers.users import delete_user
from projections.prepared import Prepared
from tests.postgresql.binaries import NoPostgreSQL

from .directory import Directory
from .filling import as_autovacuum_would, cause_in, fill_groups, fill_users, service_at
from .on_postgresql import durable
from .rounds import say
from .servers import REALM

FACTS = Table(
    "bench_facts",
    MetaData(),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("state", LargeBinary),
)
STATES = Table(
    "bench_states",
    FACTS.metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer),
)
STATE = b"x" * 600
OPERATOR = Cause("", Actor("operator", "bench"), "b" * 32, "bench")


@dataclass(slots=True)
class Leaver:
    """Seconds on one engine, a run each: the deletion, and as many raw row changes."""

    engine: str
    groups: int
    reason: str = ""
    deletions: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        return median(self.deletions) / median(self.floors) if self.deletions else None


def measure_leavers(groups: int, runs: int, logs: Path) -> list[Leaver]:
    """SQLite with `synchronous=FULL`, PostgreSQL with its own durable settings."""
    embedded = Leaver("sqlite", groups)
    _measure(embedded, f"sqlite:///{logs / 'leaver.db'}", runs, logs)
    served = Leaver("postgresql", groups)
    try:
        with ExitStack() as stack:
            cluster = stack.enter_context(durable())
            _measure(served, cluster.create_database("leaver"), runs, logs)
    except NoPostgreSQL as none:
        served.reason = str(none)
    return [embedded, served]


def _measure(leaver: Leaver, url: str, runs: int, logs: Path) -> None:
    with service_at(url, logs / f"leaver-{leaver.engine}.key") as service:
        create_realm(OPERATOR, service.log, REALM)
        cause, directory = cause_in(service, REALM), Directory()
        say(f"{leaver.engine}: {runs} users in {leaver.groups} groups each")
        fill_users(service, cause, directory, runs)
        ids = fill_groups(service, cause, leaver.groups, [user.id for user in directory.users])
        as_autovacuum_would(service)
        with service.database.migrating() as connection:
            FACTS.metadata.create_all(connection)
            connection.commit()
        for user in directory.users:
            leaver.deletions.append(_delete(service, cause, user.id))
            leaver.floors.append(_raw(service, ids))


def _delete(service: Service, cause: Cause, user_id: str) -> float:
    began = time.perf_counter()
    service.log.handle(delete_user, DeleteUser(cause, user_id, None))
    return time.perf_counter() - began


def _raw(service: Service, ids: Sequence[str]) -> float:
    """As many row changes, two inserts and two updates a group, and their commit."""
    facts = [{"id": number, "state": STATE} for number in range(len(ids))]
    states = [{"id": id_, "version": 1} for id_ in ids]
    later = [{"b_id": id_, "version": 2} for id_ in ids]
    began = time.perf_counter()
    with service.database.writing() as connection:
        for inserted, rows in zip(_INSERTED, (facts, states), strict=True):
            inserted.many(connection, rows)
        for _ in range(2):
            _UPDATED.many(connection, later)
        connection.commit()
    taken = time.perf_counter() - began
    with service.database.writing() as connection:
        for table in (FACTS, STATES):
            connection.execute(delete(table))
        connection.commit()
    return taken


_INSERTED = [
    Prepared(insert(table).values({c.name: bindparam(c.name) for c in table.c}))
    for table in (FACTS, STATES)
]
_UPDATED = Prepared(
    update(STATES).where(STATES.c.id == bindparam("b_id")).values({"version": bindparam("version")})
)
