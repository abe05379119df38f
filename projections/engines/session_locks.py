"""What only one process has at a time, on PostgreSQL: an advisory lock of a session of its own.

The server ends it with the session, so it ends with its holder and nobody waits for a lease.
"""

from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from typing import Any

import psycopg

from projections.engines.backend import LEADER, WAIT_SECONDS, Hold

_LEADER = 7_305_816_340_103
"""Older than the names: other releases follow the log under it."""


def held_by_session(arguments: Mapping[str, Any], what: str) -> Hold | None:
    """Connect with libpq's arguments and take a lock, ``None`` while another process has it."""
    connection = psycopg.connect(
        **arguments,
        autocommit=True,
        connect_timeout=WAIT_SECONDS,
        application_name=f"rollbook {what}",
    )
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_key(what)]).fetchone()
    if row is None or not row[0]:
        connection.close()
        return None
    return _Session(connection)


class _Session:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def held(self) -> bool:
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def release(self) -> None:
        with suppress(psycopg.Error):
            self._connection.close()


def _key(what: str) -> int:
    """Return the key of the advisory lock that stands for what is held."""
    if what == LEADER:
        return _LEADER
    return int.from_bytes(blake2b(what.encode(), digest_size=8).digest(), "big", signed=True)
