"""PostgreSQL: many writers, on any number of hosts (ADR 0012).

A position is drawn from a sequence before its transaction commits, so the newest visible position
says nothing about the ones below it. Every writer therefore holds one advisory lock in its shared
form from its first statement on; whoever reads the log takes the exclusive form for an instant, and
knows then that nothing below the newest position is still to come.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, text

from projections.engines.backend import (
    WAIT_SECONDS,
    Begin,
    Finding,
    Hold,
    UnsupportedDatabase,
    Verdict,
)
from projections.engines.pipeline import line_of, lines_on, spoken
from projections.engines.session_locks import held_by_session
from projections.engines.sessions import sessions_on, taken_from

POOL_SIZE = 16
_DRIVER = "postgresql+psycopg"
_SESSION = {
    "lock_timeout": "5000",
    "statement_timeout": "10000",
    "idle_in_transaction_session_timeout": "5000",
    "TimeZone": "UTC",
    "jit": "off",  # compiling a filter takes longer than answering it
}
"""Milliseconds, where it is a time. ABUSE H12: nobody waits for ever behind a stuck session."""
_FAILOVER = {
    "tcp_keepalives_idle": "1",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
}
"""Of a session that holds something: a host that disappears has left within five seconds."""

# The keys of the advisory locks; they are the database's own, and eternal.
_LOG, _MIGRATION = 7_305_816_340_101, 7_305_816_340_102
_AHEAD = {
    Begin.READ: (spoken("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),),
    Begin.WRITE: (
        spoken("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"),
        spoken(f"SELECT pg_advisory_xact_lock_shared({_LOG})"),
    ),
}
_AHEAD[Begin.WRITE_AT_ONCE] = _AHEAD[Begin.WRITE]
_AHEAD[Begin.FOLLOW] = (*_AHEAD[Begin.WRITE], spoken("SET LOCAL synchronous_commit = off"))
"""Sent with the first statement of the transaction, ahead of it."""
_BEGIN = {
    Begin.WRITE_ALONE: (
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = 0;"
        f"SELECT pg_advisory_xact_lock({_LOG})"
    ),
    Begin.WRITE_BESIDE: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    Begin.FILL: (
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = off"
    ),
    Begin.SWITCH: (
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
        f"SELECT pg_advisory_xact_lock({_LOG}); SET LOCAL lock_timeout = '100ms'"
    ),
    Begin.VERIFY: (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0;"
        "SET LOCAL idle_in_transaction_session_timeout = 0"
    ),
    # READ COMMITTED: the snapshot of the next statement is taken while the lock is held.
    Begin.HEAD: (
        f"BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;SELECT pg_advisory_xact_lock({_LOG})"
    ),
    Begin.MIGRATE: (
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
        "SET LOCAL lock_timeout = '10min'; SET LOCAL statement_timeout = 0;"
        "SET LOCAL idle_in_transaction_session_timeout = 0;"
        f"SELECT pg_advisory_xact_lock({_MIGRATION})"
    ),
}

_CONFLICTS = frozenset({"40001", "40P01"})
"""Serialisation failure, deadlock."""
_OUTAGES = frozenset({"25006", "25P03", "3D000", "55P03"})
"""Read-only (a standby), idle for too long, no such database, lock not to be had in time."""
_OUTAGE_CLASSES = frozenset({"08", "28", "53", "57", "58"})
"""Connection, authorisation, resources, operator's intervention, the system itself."""
_REMEDIES = (
    ("password", "check user and password in ROLLBOOK_DATABASE_URL"),
    ("role", "check user and password in ROLLBOOK_DATABASE_URL"),
    ("pg_hba.conf", "the server's pg_hba.conf does not let this user in from this host"),
    ("database", 'make it with "createdb", or check its name in ROLLBOOK_DATABASE_URL'),
    ("SSL", "check sslmode in ROLLBOOK_DATABASE_URL"),
    ("timeout", "the database is busy; try again in a moment"),
)
"""By a word of what the server or the driver says; the first that fits."""
_OLDEST = 14
_Findings = Sequence[tuple[str, str, frozenset[str], str]]


class Postgresql:
    """The engine for many processes. Implements :class:`projections.engines.backend.Backend`."""

    name = "postgresql"
    writers = 8
    readers = POOL_SIZE - writers - 2  # one for whoever follows the log, one for the journal
    waits = True
    slice_seconds = 0.25
    fillers = 4
    embedded = False
    overlap = 60_000_000  # several times what the session's timeouts let a transaction wait
    driver_error: type[Exception] = psycopg.Error

    def checked(self, url: URL) -> URL:
        """Return the URL with psycopg as its driver."""
        if url.drivername not in ("postgresql", _DRIVER):
            raise UnsupportedDatabase(f'the driver is psycopg: write "{_DRIVER}://…"')
        if not url.database:
            raise UnsupportedDatabase("the URL names no database: …://user@host/database")
        return url.set(drivername=_DRIVER)

    def create_engine(self, url: URL) -> Engine:
        """Return an engine whose connections begin nothing by themselves."""
        engine = create_engine(
            url,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=WAIT_SECONDS,
            connect_args={
                "autocommit": True,
                "connect_timeout": WAIT_SECONDS,
                "application_name": "rollbook",
                "options": _options(url, _SESSION),
                # Its own prepared statements it throws away at each rollback, and ours with them.
                "prepare_threshold": None,
                "tcp_user_timeout": 2_000 * WAIT_SECONDS,
            },
        )

        sessions_on(engine)
        lines_on(engine)
        return engine

    def connect(self, engine: Engine) -> Connection:
        """Take one that is idle, else have one made where that holds nobody up."""
        return taken_from(engine)

    def begin(self, driver: Any, what_for: Begin) -> None:
        """Begin, and take the lock that belongs to it, in one round trip.

        To read and to write it is that of the transaction's first statement.
        """
        for statement in _AHEAD.get(what_for, ()):
            line_of(driver).ask(statement)
        if what_for in _AHEAD:
            return
        driver.cursor().execute(_BEGIN[what_for], prepare=False).close()

    def is_broken(self, driver: Any) -> bool:
        """Whether the connection is lost."""
        return bool(driver.closed)

    def verdict(self, error: BaseException | None) -> Verdict:
        """Judge by SQLSTATE; an error without one is about the connection itself."""
        if not isinstance(error, psycopg.Error):
            return Verdict.DEFECT
        state = error.sqlstate
        if state is None:
            lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
            return Verdict.OUTAGE if lost else Verdict.DEFECT
        if state in _CONFLICTS:
            return Verdict.CONFLICT
        outage = state in _OUTAGES or state[:2] in _OUTAGE_CLASSES
        return Verdict.OUTAGE if outage else Verdict.DEFECT

    def remedy(self, reason: str) -> str:
        """Tell what is wrong with the URL from what is wrong with the server."""
        for said, advice in _REMEDIES:
            if said in reason:
                return advice
        return "check that ROLLBOOK_DATABASE_URL names a server that runs and can be reached"

    def violated(self, error: BaseException, metadata: MetaData) -> str | None:  # noqa: ARG002  # one signature
        """Return the name that the server gives."""
        return error.diag.constraint_name if isinstance(error, psycopg.IntegrityError) else None

    def tidy(self, driver: Any) -> None:
        """Have the server look at tables that grew before it ever did (ADR 0012).

        A plan made while a table is nearly empty takes any of its indexes, and is kept: a user was
        then looked up by reading all of them, until autovacuum came by. After the first look the
        server knows better, makes new plans and looks again by itself.
        """
        with driver.cursor() as cursor:
            for table in cursor.execute(_NEVER_LOOKED_AT, prepare=False).fetchall():
                cursor.execute(Composed([_LOOK, Identifier(*table)]), prepare=False)

    def hold(self, url: URL, what: str, *, once: bool) -> Hold | None:  # noqa: ARG002  # one signature
        """Take a lock of a session of its own; the server ends it with the session."""
        _, arguments = url.get_dialect()().create_connect_args(url)
        options = _options(url, _SESSION | _FAILOVER)
        return held_by_session({**arguments, "options": options}, what)

    def examine(self, connection: Connection) -> Sequence[Finding]:
        """Read back what durability and the order of the log depend on."""
        found = {row.name: str(row.setting) for row in connection.execute(_SETTINGS)}
        asked = [
            Finding(name, _shown(found, name), wanted, found.get(name, "") in good, advice)
            for name, wanted, good, advice in _WANTED
        ]
        version = int(found["server_version_num"]) // 10_000
        cache = connection.scalar(_SEQUENCE_CACHE)
        standby = bool(connection.scalar(text("SELECT pg_is_in_recovery()")))
        return [
            *asked,
            Finding(
                "server version",
                str(version),
                f"{_OLDEST} or newer",
                version >= _OLDEST,
                "upgrade the server: docs/postgresql.md",
            ),
            Finding(
                "sequence cache of events.position",
                str(cache),
                "1",
                cache == 1,
                "ALTER SEQUENCE events_position_seq CACHE 1: sessions that keep numbers back "
                "write the log out of order",
            ),
            Finding(
                "in recovery",
                str(standby).lower(),
                "false",
                not standby,
                "this is a standby and takes no writes; name the primary in ROLLBOOK_DATABASE_URL",
            ),
        ]

    def file(self, url: URL) -> Path | None:  # noqa: ARG002  # one signature
        """Return ``None``: the server keeps the files."""
        return None


def _shown(found: dict[str, str], name: str) -> str:
    return found.get(name, "?") + (" ms" if name.endswith("_timeout") else "")


def _options(url: URL, session: dict[str, str]) -> str:
    """Return libpq's ``options`` with our settings after the operator's own."""
    own = url.query.get("options", "")
    ours = " ".join(f"-c {name}={value}" for name, value in session.items())
    return f"{own if isinstance(own, str) else ' '.join(own)} {ours}".strip()


_NEVER_LOOKED_AT = """
SELECT current_schema(), relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND reltuples < 0
AND pg_relation_size(oid) >= 65536 AND pg_has_role(relowner, 'USAGE')
"""
"""Some dozens of rows are enough."""
_LOOK = SQL("ANALYZE (SKIP_LOCKED) ")
_SETTINGS = text("SELECT name, setting FROM pg_settings")
_SEQUENCE_CACHE = text(
    "SELECT cache_size FROM pg_sequences "
    "WHERE (quote_ident(schemaname) || '.' || quote_ident(sequencename))::regclass "
    "= pg_get_serial_sequence('events', 'position')::regclass"
)
_DURABLE = "in postgresql.conf: an answered write could be lost in a crash of the machine"
_OURS = "a role's or a database's own setting stands against ours: ALTER ROLE … RESET ALL"
_WANTED: _Findings = (
    ("fsync", "on", frozenset({"on"}), f"fsync = on {_DURABLE}"),
    ("full_page_writes", "on", frozenset({"on"}), f"full_page_writes = on {_DURABLE}"),
    (
        "synchronous_commit",
        "on",
        frozenset({"on", "remote_write", "remote_apply", "local"}),
        f"synchronous_commit = on {_DURABLE}",
    ),
    ("lock_timeout", "5000 ms", frozenset({"5000"}), _OURS),
    ("statement_timeout", "10000 ms", frozenset({"10000"}), _OURS),
    ("idle_in_transaction_session_timeout", "5000 ms", frozenset({"5000"}), _OURS),
    (
        "server_encoding",
        "UTF8",
        frozenset({"UTF8"}),
        "create the database anew with ENCODING 'UTF8' and restore into it",
    ),
)
