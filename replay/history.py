"""Who changed what: pages of the audit log, newest first, never stale (ADR 0014)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, select

from domain.comparison import invisible_character
from domain.refusals import InvalidValue
from domain.topics import AGGREGATE_OF, EVENTS
from projections.audit import Conditions
from projections.audit.keys import key_of_attribute
from projections.audit.positions import Stretch
from projections.audit.reading import newest
from projections.database import Database, LogSnapshot
from projections.log import SqlLog
from projections.tables import streams
from replay.moments import cut_at, parse_instant
from replay.telling import Told, told

RESOURCE_TYPES = tuple(sorted(set(AGGREGATE_OF.values())))
_LONGEST = 256


class Between(NamedTuple):
    """What happened after one cut and up to another: two neighbours share no event."""

    after: int
    upto: int


class History(NamedTuple):
    """Events as JSON objects, newest first, and the position of the last where older ones follow.

    There may be fewer than were asked for, where they are large.
    """

    events: Sequence[Told]
    rest_before: int | None


class Instants(NamedTuple):
    """Two instants in their order, microseconds since 1970; an open end reaches all there is."""

    begin: int | None = None
    end: int | None = None


def instants_of(
    begin: str | None, end: str | None, has_happened: Callable[[int], bool]
) -> Instants:
    """Return what ``from`` and ``to`` name.

    Raises:
        InvalidValue: one is no instant that has happened, or the first lies after the second.
    """
    found = Instants(
        *(
            None if text is None else parse_instant(text, name, has_happened)
            for text, name in ((begin, "from"), (end, "to"))
        )
    )
    if found.begin is not None and found.end is not None and found.begin > found.end:
        raise InvalidValue("from lies after to: name the earlier instant first")
    return found


def between(database: Database, instants: Instants) -> Between:
    """Return the cuts of two instants.

    Raises:
        Unavailable: the database is busy or gone.
    """
    with database.reading_log() as snapshot:
        return _cuts(snapshot, instants)


def _cuts(snapshot: LogSnapshot, instants: Instants) -> Between:
    begin, end = instants
    after = 0 if begin is None else cut_at(snapshot, begin)
    upto = snapshot.head if end is None else cut_at(snapshot, end)
    return Between(after, upto)


def conditions_of(  # noqa: PLR0913  # what an auditor may ask for at a time
    *,
    resource_type: str | None = None,
    resource_id: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    attribute: str | None = None,
    correlation_id: str | None = None,
) -> Conditions:
    """Return conditions as somebody spells them.

    Raises:
        InvalidValue: a type, an action or an attribute is unknown, or a text cannot be one.
    """
    if resource_type is not None and resource_type not in RESOURCE_TYPES:
        raise InvalidValue(f"resourceType is one of {', '.join(RESOURCE_TYPES)}")
    if action is not None and action not in EVENTS:
        raise InvalidValue(f"action is one of {', '.join(EVENTS)}")
    key = None if attribute is None else key_of_attribute(attribute)
    if attribute is not None and key is None:
        raise InvalidValue(
            "attribute names none that changes are recorded of; write it like title, "
            "name.givenName, members or with the URN of its extension"
        )
    if resource_id is not None:
        resource_id = _id(resource_id)
    for name, text in (("actor", actor), ("correlationId", correlation_id)):
        _check(name, text)
    return Conditions(resource_type, resource_id, actor, action, key, correlation_id)


@dataclass(frozen=True)
class AuditLog:
    """The audit log of one realm."""

    log: SqlLog
    realm: str

    def page(
        self, conditions: Conditions, span: Between, count: int, before: int | None = None
    ) -> History:
        """Return the newest events of a span, or the newest before a position.

        Raises:
            Unavailable: the database is busy or gone.
        """
        with self.log.database.reading() as connection:
            return self._page(connection, conditions, span, count, before)

    def page_between(
        self, conditions: Conditions, instants: Instants, count: int, before: int | None = None
    ) -> History:
        """Return a page of the span between two instants, all in one snapshot.

        Raises:
            Unavailable: the database is busy or gone.
        """
        with self.log.database.reading_log() as snapshot:
            span = _cuts(snapshot, instants)
            return self._page(snapshot.connection, conditions, span, count, before)

    def _page(
        self,
        connection: Connection,
        conditions: Conditions,
        span: Between,
        count: int,
        before: int | None,
    ) -> History:
        end = span.upto + 1 if before is None else min(before, span.upto + 1)
        stretch = Stretch(span.after, end)
        page = newest(connection, self.log.events, self.realm, conditions, stretch, count)
        events = told(connection, self.realm, page.entries)
        return History(events, page.entries[-1].position if page.more else None)

    def knows(self, resource_type: str | None, resource_id: str) -> bool:
        """Whether the realm ever had a resource of this id, living or deleted."""
        with self.log.database.reading() as connection:
            kind = connection.scalar(_KIND, {"realm": self.realm, "id": resource_id})
        return kind is not None and resource_type in (None, kind)


_KIND = select(streams.c.type).where(
    streams.c.realm == bindparam("realm"), streams.c.id == bindparam("id")
)


def _id(text: str) -> str:
    try:
        return str(UUID(text if len(text) <= _LONGEST else ""))
    except ValueError:
        raise InvalidValue("resourceId is no id; ids look like those in the answers") from None


def _check(name: str, text: str | None) -> None:
    if text is not None and (not text or len(text) > _LONGEST or invisible_character(text)):
        raise InvalidValue(f"{name} is 1 to {_LONGEST} visible characters")
