"""Who was deactivated or deleted lately, where a realm has a guard against mass changes.

Durable, written in the transaction of the write itself: two writers of one realm meet at the row of
its guard, so no two of them count without each other. A realm without a guard has no rows, and what
is neither a deactivation nor a deletion never comes here.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, bindparam, case, delete, func, insert, select, update

from domain.guard import Guard, GuardEvent
from domain.refusals import MassChange
from projections.prepared import Prepared
from projections.tables import departures, guards, realms

CountUpTo = Callable[[str, int], int]
"""How many resources of a type the realm has, counted up to a limit."""


class Departure(NamedTuple):
    """A resource that is about to be deactivated or deleted, ``at`` microseconds since 1970."""

    type: str
    id: str
    deleted: bool
    at: int


class SqlDepartures:
    """The departures of one realm, on the connection of one transaction."""

    def __init__(self, connection: Connection, realm: str) -> None:
        self._connection = connection
        self._realm = realm

    def guard(self) -> Guard | None:
        """Return the guard of the realm, locked against other departures; ``None`` without one."""
        row = _GUARD.first(self._connection, {"realm": self._realm})
        return None if row is None else Guard(*row)

    def note(self, guard: Guard, departure: Departure, living: CountUpTo) -> None:
        """Count a departure, unless the guard is lifted; those that left the window are forgotten.

        How many resources there are is asked only where the minimum is reached, and counted no
        further than matters: the cost follows the departures, not the directory.

        Raises:
            MassChange: the guard lets no more through.
        """
        if departure.at < guard.lifted_until:
            return
        bound = {"b_realm": self._realm, "b_type": departure.type, "b_id": departure.id}
        since = departure.at - guard.window
        others, deleted = _OTHERS.first(self._connection, {**bound, "since": since})
        changed = others + 1
        if changed >= guard.minimum:
            total = living(departure.type, guard.enough(changed)) + deleted
            if guard.refuses(changed, total):
                raise self._refusal(guard, departure.type, others, total)
        _FORGET.rows(self._connection, {**bound, "since": since})
        _FORGET_ONE.rows(self._connection, bound)
        row = {**bound, "b_at": departure.at, "b_deleted": departure.deleted}
        _NOTE.rows(self._connection, row)

    def _refusal(self, guard: Guard, kind: str, changed: int, total: int) -> MassChange:
        slug = self._connection.scalar(select(realms.c.slug).where(realms.c.realm == self._realm))
        return MassChange(kind, changed, total, realm=str(slug), limit=guard)


def record_guard_event(connection: Connection, realm: str, event: GuardEvent) -> None:
    """Write what an event says about the guard of a realm; a trip changes no row."""
    own = guards.c.realm == realm
    match event:
        case Guard.Set(percent, minimum, window_minutes):
            connection.execute(delete(guards).where(own))
            row = {"percent": percent, "minimum": minimum, "window_minutes": window_minutes}
            connection.execute(insert(guards).values(realm=realm, lifted_until=0, **row))
        case Guard.Removed():
            connection.execute(delete(guards).where(own))
            connection.execute(delete(departures).where(departures.c.realm == realm))
        case Guard.Lifted(until):
            connection.execute(update(guards).where(own).values(lifted_until=until))
        case Guard.Tripped():
            pass


_GUARD = Prepared(
    select(guards.c.percent, guards.c.minimum, guards.c.window_minutes, guards.c.lifted_until)
    .where(guards.c.realm == bindparam("realm"))
    .with_for_update()
)
_OF_TYPE = and_(
    departures.c.realm == bindparam("b_realm"), departures.c.type == bindparam("b_type")
)
_OTHERS = Prepared(
    select(func.count(), func.count(case((departures.c.deleted.is_(True), 1)))).where(
        _OF_TYPE, departures.c.at > bindparam("since"), departures.c.id != bindparam("b_id")
    )
)
_FORGET = Prepared(delete(departures).where(_OF_TYPE, departures.c.at <= bindparam("since")))
_FORGET_ONE = Prepared(delete(departures).where(_OF_TYPE, departures.c.id == bindparam("b_id")))
_COLUMNS: dict[str, Any] = {c.name: bindparam(f"b_{c.name}") for c in departures.c}
_NOTE = Prepared(insert(departures).values(_COLUMNS))
