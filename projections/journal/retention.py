"""What is too old goes, a few rows at a time: by the process that leads the followers."""

import time
from collections.abc import Callable

from sqlalchemy import bindparam, delete, exists, select

from domain.ports import Clock
from projections.database import Database
from projections.tables import realms, request_gaps, requests

BATCH = 500
"""Rows of one transaction."""
PAUSE_SECONDS = 0.2
"""Between two of them: others write as well."""
IDLE_SECONDS = 60.0
"""How often it is looked for rows that have become too old."""
_MICROSECONDS_A_DAY = 86_400_000_000


class Retention:
    """Deletes rows of the journal that are older than so many days."""

    def __init__(
        self,
        database: Database,
        days: int,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._age = days * _MICROSECONDS_A_DAY
        self._clock = clock
        self._monotonic = monotonic
        self._next_at = monotonic()

    def step(self) -> None:
        """Delete the next rows that are too old, or do nothing while it is not time.

        Raises:
            Unavailable: the database is busy or gone; nothing was deleted.
        """
        if self._monotonic() < self._next_at:
            return
        before = self._clock() - self._age
        bound = {"before": before}
        with self._database.reading() as connection:
            realm = connection.scalar(_OVERDUE, bound)
            last = connection.scalar(_FROM_THE_OLDEST.offset(BATCH - 1), bound | {"realm": realm})
        if realm is None:
            self._next_at = self._monotonic() + IDLE_SECONDS
            return
        up_to = before - 1 if last is None else last
        with self._database.writing_beside() as connection:
            connection.execute(_DELETE, {"realm": realm, "up_to": up_to})
            connection.execute(_DELETE_GAPS, {"realm": realm, "before": before})
            connection.commit()
        self._next_at = self._monotonic() + PAUSE_SECONDS


_TOO_OLD = requests.c.at < bindparam("before")
_OVERDUE = (
    select(realms.c.realm)
    .where(exists().where(requests.c.realm == realms.c.realm, _TOO_OLD))
    .limit(1)
)
_FROM_THE_OLDEST = (
    select(requests.c.at)
    .where(requests.c.realm == bindparam("realm"), _TOO_OLD)
    .order_by(requests.c.at)
    .limit(1)
)
_DELETE = delete(requests).where(
    requests.c.realm == bindparam("realm"), requests.c.at <= bindparam("up_to")
)
_DELETE_GAPS = delete(request_gaps).where(
    request_gaps.c.realm == bindparam("realm"), request_gaps.c.last_at < bindparam("before")
)
