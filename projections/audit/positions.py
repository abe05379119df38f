"""Which events meet conditions, by the indexes of the audit log: positions, newest first.

An index holds the events of a resource, an actor, an action or an attribute together, the action
right before the position. Where the action is not said, the few there can be are asked one by one
and merged, so that a page costs what it holds and not what it leaves out. Nothing is sorted by the
instant: the position is the order.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, bindparam, exists, or_, select, union_all

from domain.topics import AGGREGATE_OF
from projections.audit import MEMBERS, Conditions
from projections.audit.g1 import attributes, audit
from projections.prepared import Prepared

_TOPICS = tuple(AGGREGATE_OF)
_FENCE = 2**31
"""More events than a request has; it keeps the planner from another index than the request's."""


class Stretch(NamedTuple):
    """Positions from after ``after`` to before ``before``."""

    after: int
    before: int


def positions(
    connection: Connection, realm: str, conditions: Conditions, stretch: Stretch, limit: int
) -> Sequence[int]:
    """Return the newest positions of a stretch whose events meet the conditions."""
    topics = conditions.topics
    attribute = None if conditions.attribute == MEMBERS else conditions.attribute
    if topics is None and (attribute or conditions.resource_id or conditions.actor):
        topics = _TOPICS
    if topics == []:
        return []
    shape = _Shape(
        resource=conditions.resource_id is not None,
        actor=conditions.actor is not None,
        attribute=attribute is not None,
        correlation=conditions.correlation_id is not None,
        topics=None if topics is None else len(topics),
    )
    bound = {
        "realm": realm,
        "after": stretch.after,
        "before": stretch.before,
        "resource": conditions.resource_id,
        "actor": conditions.actor,
        "attribute": attribute,
        "correlation": conditions.correlation_id,
        "count": limit,
        **{f"topic_{number}": topic for number, topic in enumerate(topics or ())},
    }
    return [position for (position,) in _statement(shape).rows(connection, bound)]


class _Shape(NamedTuple):
    resource: bool
    actor: bool
    attribute: bool
    correlation: bool
    topics: int | None


@cache
def _statement(shape: _Shape) -> Prepared:
    if shape.correlation:
        return Prepared(_of_request(shape))
    table = attributes if shape.attribute and not shape.resource else audit
    if shape.topics is None:
        return Prepared(_newest(select(table.c.position).where(*_of(table, shape)), table))
    by_topic = [
        _newest(
            select(table.c.position).where(
                *_of(table, shape), table.c.action == bindparam(f"topic_{number}")
            ),
            table,
        ).subquery()
        for number in range(shape.topics)
    ]
    found = union_all(*(select(each.c.position) for each in by_topic)).subquery()
    return Prepared(_newest(select(found.c.position), found))


def _of(table: Any, shape: _Shape) -> list[ColumnElement[bool]]:
    wanted = [table.c.realm == bindparam("realm")]
    if shape.resource:
        wanted.append(table.c.resource_id == bindparam("resource"))
    if shape.actor:
        # Beside a resource it chooses no index: an actor has most of the log, a resource little.
        actor = table.c.actor_id.concat("") if shape.resource else table.c.actor_id
        wanted.append(actor == bindparam("actor"))
    if shape.attribute:
        own = table is attributes
        wanted.append(attributes.c.attribute == bindparam("attribute") if own else _changed(table))
    return [*wanted, *_within(table)]


def _changed(own: Any) -> ColumnElement[bool]:
    """Return whether an event changed the attribute: one look for each event of the resource."""
    return exists().where(
        attributes.c.realm == bindparam("realm"),
        attributes.c.attribute == bindparam("attribute"),
        attributes.c.action == own.c.action,
        attributes.c.position == own.c.position,
    )


def _within(table: Any) -> list[ColumnElement[bool]]:
    return [table.c.position > bindparam("after"), table.c.position < bindparam("before")]


def _newest(statement: Select[Any], table: Any) -> Select[Any]:
    return statement.order_by(table.c.position.desc()).limit(bindparam("count"))


def _of_request(shape: _Shape) -> Select[Any]:
    """Return the events of one request, however many conditions there are beside."""
    columns = (audit.c.position, audit.c.resource_id, audit.c.actor_id, audit.c.action)
    own = (
        select(*columns)
        .where(
            audit.c.realm == bindparam("realm"),
            audit.c.correlation_id == bindparam("correlation"),
            *_within(audit),
        )
        .order_by(audit.c.position.desc())
        .limit(_FENCE)
        .subquery()
    )
    statement = select(own.c.position)
    if shape.resource:
        statement = statement.where(own.c.resource_id == bindparam("resource"))
    if shape.actor:
        statement = statement.where(own.c.actor_id == bindparam("actor"))
    if shape.topics is not None:
        topics = (own.c.action == bindparam(f"topic_{n}") for n in range(shape.topics))
        statement = statement.where(or_(*topics))
    if shape.attribute:
        statement = statement.where(_changed(own))
    return _newest(statement, own)
