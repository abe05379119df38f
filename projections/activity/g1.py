"""Generation 1 of the activity: one row an actor, a day and a topic."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    and_,
    bindparam,
    insert,
    select,
    update,
)

from projections.engines.types import Identifier, Key
from projections.generations import Positioned

READ_MODEL = "activity"
MICROSECONDS_A_DAY = 86_400_000_000

metadata = MetaData()
activity = Table(
    "activity_g1",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("day", Integer, nullable=False),  # since 1970, UTC
    Column("actor_kind", String(16), nullable=False),
    Column("actor_id", Key, nullable=False),
    Column("topic", Text, nullable=False),
    Column("events", Integer, nullable=False),
    Column("last_recorded_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("realm", "day", "actor_kind", "actor_id", "topic", name="activity_g1_pk"),
)


class ActivityRow(NamedTuple):
    """What an actor did on a day: ``day`` since 1970 (UTC), instants in microseconds."""

    day: int
    actor_kind: str
    actor_id: str
    topic: str
    events: int
    last_recorded_at: int


class ActivityG1:
    """The declaration; implements :class:`projections.generations.Generation`."""

    read_model: str = READ_MODEL
    number: int = 1
    metadata: MetaData = metadata

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        """Add the events up, then write one row for each key they fall under."""
        counted: dict[tuple[Any, ...], list[int]] = {}
        for _, recorded in events:
            actor, at = recorded.cause.actor, recorded.recorded_at
            day = at // MICROSECONDS_A_DAY
            key = (recorded.cause.realm, day, actor.kind, actor.id, recorded.event.topic)
            count = counted.setdefault(key, [0, 0])
            count[0] += 1
            count[1] = max(count[1], at)
        for key, (count_, last) in counted.items():
            _add(connection, dict(zip(_KEYS, key, strict=True)), count_, last)


def _add(connection: Connection, key: dict[str, Any], count: int, last: int) -> None:
    bound = {f"b_{name}": value for name, value in key.items()}
    before = connection.execute(_BEFORE, bound).first()
    if before is None:
        row = {**key, "events": count, "last_recorded_at": last}
        connection.execute(insert(activity), row)
        return
    after = {"count": before.events + count, "last": max(before.last_recorded_at, last)}
    connection.execute(_UPDATE, {**bound, **after})


def list_activity(connection: Connection, realm: str, from_day: int) -> list[ActivityRow]:
    """Return what was done in a realm from a day on, newest day first."""
    columns = [activity.c[name] for name in ActivityRow._fields]
    rows = connection.execute(
        select(*columns)
        .where(activity.c.realm == realm, activity.c.day >= from_day)
        .order_by(activity.c.day.desc(), *columns[1:4])
    )
    return [ActivityRow(*row) for row in rows]


_KEYS = ("realm", "day", "actor_kind", "actor_id", "topic")
_ROW = and_(*(activity.c[name] == bindparam(f"b_{name}") for name in _KEYS))
_BEFORE = select(activity.c.events, activity.c.last_recorded_at).where(_ROW)
_UPDATE = (
    update(activity)
    .where(_ROW)
    .values(events=bindparam("count"), last_recorded_at=bindparam("last"))
)
