"""Generation 1 of the audit log: one row an event, one an attribute it changes, one a name.

Every index begins with the realm, and what it is for is followed by the action and the position
(the request's by the position alone): whatever is asked for together, some index holds those events
in the order of a page. Who acted on a resource, and what of it was changed, is looked up for each
of its events: every index by resource costs an event a page of its own.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    bindparam,
    insert,
    select,
    update,
)

from projections.audit import COLUMNS, READ_MODEL
from projections.audit.entries import Name, attributes_of, entry_of, named_after
from projections.engines.types import Identifier, Key
from projections.generations import Positioned
from projections.prepared import Prepared, PreparedFor
from projections.row_statements import inserting

metadata = MetaData()
audit = Table(
    "audit_g1",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("resource_type", String(16), nullable=False),
    Column("resource_id", Identifier, nullable=False),
    Column("resource_name", Text),
    Column("version", Integer, nullable=False),
    Column("action", Key, nullable=False),
    Column("operation", Text, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor_id", Key, nullable=False),
    Column("token_id", Identifier),
    Column("source_address", Text),
    Column("user_agent", Text),
    Column("correlation_id", String(32), nullable=False),
    Column("causation_id", Text),
    PrimaryKeyConstraint("realm", "position", name="audit_g1_pk"),
    Index("audit_g1_by_action", "realm", "action", "position"),
    Index("audit_g1_by_resource", "realm", "resource_id", "action", "position", "actor_id"),
    Index("audit_g1_by_actor", "realm", "actor_id", "action", "position"),
    Index("audit_g1_by_correlation", "realm", "correlation_id", "position"),
)
attributes = Table(
    "audit_attributes_g1",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("attribute", Key, nullable=False),
    Column("action", Key, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("resource_id", Identifier, nullable=False),  # nobody asks for it since ADR 0016
    Column("actor_id", Key, nullable=False),
    PrimaryKeyConstraint("realm", "attribute", "action", "position", name="audit_attributes_g1_pk"),
    Index("audit_attributes_g1_by_actor", "realm", "actor_id", "attribute", "action", "position"),
    sqlite_with_rowid=False,
)
names = Table(
    "audit_names_g1",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("id", Identifier, nullable=False),
    Column("display_name", Text),
    Column("user_name", Text),
    PrimaryKeyConstraint("realm", "id", name="audit_names_g1_pk"),
    sqlite_with_rowid=False,
)


class AuditG1:
    """The declaration; implements :class:`projections.generations.Generation`."""

    read_model: str = READ_MODEL
    number: int = 1
    metadata: MetaData = metadata

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        """Write the rows of the events, and what their resources are called now."""
        before = _names(connection, events)
        now = dict(before)
        rows, changed = [], []
        for positioned in events:
            event = positioned.recorded.event
            key = (positioned.recorded.cause.realm, positioned.recorded.stream_id)
            now[key] = named_after(now.get(key, Name()), event)
            entry = entry_of(positioned, now[key])
            rows.append(entry[: len(COLUMNS)])
            about = (entry.action, entry.position, entry.resource_id, entry.actor_id)
            changed += [(entry.realm, attribute, *about) for attribute in attributes_of(event)]
        _INSERT_ROW.write_values(connection, rows)
        _INSERT_ATTRIBUTE.write_values(connection, changed)
        _keep(connection, before, now)


_ResourceKey = tuple[str, str]
_Names = dict[_ResourceKey, Name]


def _names(connection: Connection, events: Sequence[Positioned]) -> _Names:
    """Return what the resources of events were called before them; new ones are missing."""
    ids: dict[str, set[str]] = {}
    for _, recorded in events:
        ids.setdefault(recorded.cause.realm, set()).add(recorded.stream_id)
    return {
        (realm, id_): Name(display, user_name)
        for realm, wanted in ids.items()
        for id_, display, user_name in _NAMES.rows(connection, {"realm": realm}, sorted(wanted))
    }


def _keep(connection: Connection, before: _Names, now: _Names) -> None:
    rows = {
        key: {"b_realm": key[0], "b_id": key[1], "display": name.display, "user": name.user_name}
        for key, name in now.items()
        if before.get(key) != name
    }
    _NAME.many(connection, [row for key, row in rows.items() if key not in before])
    _RENAME.many(connection, [row for key, row in rows.items() if key in before])


_INSERT_ROW = inserting(audit)
_INSERT_ATTRIBUTE = inserting(attributes)
_NAMED: dict[str, Any] = {"display_name": bindparam("display"), "user_name": bindparam("user")}
_NAME = Prepared(insert(names).values(realm=bindparam("b_realm"), id=bindparam("b_id"), **_NAMED))
_RENAME = Prepared(
    update(names)
    .where(names.c.realm == bindparam("b_realm"), names.c.id == bindparam("b_id"))
    .values(_NAMED)
)
_NAMES = PreparedFor(
    select(names.c.id, names.c.display_name, names.c.user_name).where(
        names.c.realm == bindparam("realm")
    ),
    names.c.id,
)
