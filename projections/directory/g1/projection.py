"""Writing generation 1 of the directory from events, a batch at a time."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select

from domain.events import RecordedEvent
from domain.schemas import SCHEMAS
from domain.topics import AGGREGATE_OF
from projections.beside import pieces
from projections.directory import Rendered
from projections.directory.g1.rendering import (
    changed_columns_of,
    columns_of,
    correlation_of,
    email_keys_of,
    meta_columns_of,
    read_document,
    render_document,
    render_meta,
)
from projections.directory.g1.rows import FUNCTIONS, Row
from projections.directory.g1.tables import groups, user_emails, users
from projections.generations import Positioned
from projections.prepared import Prepared
from projections.row_statements import RowStatement, deleting, inserting, updating

TABLES = {"User": users, "Group": groups}


def project(connection: Connection, events: Sequence[Positioned]) -> None:
    """Apply events, in order, to the rows of their resources: load, fold, write back."""
    streams: dict[tuple[str, str], list[Positioned]] = {}
    for positioned in events:
        if AGGREGATE_OF[positioned.recorded.event.topic] in TABLES:
            key = (positioned.recorded.cause.realm, positioned.recorded.stream_id)
            streams.setdefault(key, []).append(positioned)
    before = _load(connection, streams)
    after: dict[tuple[str, str], Row | None] = {}
    for key, own in streams.items():
        row = before.get(key)
        for positioned in own:
            row = FUNCTIONS[positioned.recorded.event.topic](row, positioned.recorded)
        after[key] = row
    _store(connection, before, after)


def folded(events: Sequence[RecordedEvent[Any]]) -> Rendered | None:
    """Return a resource as its events leave it, rendered; ``None`` when it is deleted."""
    row: Row | None = None
    for recorded in events:
        row = FUNCTIONS[recorded.event.topic](row, recorded)
    if row is None:
        return None
    document = render_document(SCHEMAS[row.type], row.id, row.document)
    return Rendered(row.id, row.version, document, render_meta(row))


def _load(
    connection: Connection, streams: dict[tuple[str, str], list[Positioned]]
) -> dict[tuple[str, str], Row]:
    """Load the rows that exist already: of streams whose first event is not here."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for (realm, id_), own in streams.items():
        first = own[0].recorded
        if first.originator_version > 1:
            kind = AGGREGATE_OF[first.event.topic]
            wanted.setdefault((realm, kind), []).append(id_)
    rows: dict[tuple[str, str], Row] = {}
    for (realm, kind), ids in wanted.items():
        for piece in pieces(ids):
            stored = _stored(connection, kind, realm, piece)
            for id_, document, version, meta, created, modified in stored:
                rows[realm, id_] = Row(
                    realm,
                    id_,
                    kind,
                    read_document(document),
                    version,
                    correlation_of(meta),
                    created,
                    modified,
                )
    return rows


def _stored(connection: Connection, kind: str, realm: str, ids: Sequence[str]) -> Iterable[Any]:
    if len(ids) == 1:
        rows: Iterable[Any] = _STORED_ONE[kind].rows(connection, {"realm": realm, "id": ids[0]})
        return rows
    return connection.execute(_STORED[kind], {"realm": realm, "ids": ids})


_OF_REALM = {
    kind: select(
        table.c.id,
        table.c.document,
        table.c.version,
        table.c.meta,
        table.c.created,
        table.c.last_modified,
    ).where(table.c.realm == bindparam("realm"))
    for kind, table in TABLES.items()
}
_STORED = {
    kind: _OF_REALM[kind].where(table.c.id.in_(bindparam("ids", expanding=True)))
    for kind, table in TABLES.items()
}
_KEY = ("realm", "id")
_DELETE = {kind: deleting(table, _KEY) for kind, table in TABLES.items()}
_STORED_ONE = {
    kind: Prepared(_OF_REALM[kind].where(table.c.id == bindparam("id")))
    for kind, table in TABLES.items()
}


def _store(
    connection: Connection,
    before: dict[tuple[str, str], Row],
    after: dict[tuple[str, str], Row | None],
) -> None:
    """Write the rows that changed: all columns of a new or rewritten one, few of one touched."""
    born, moved, gone = list[Row](), list[Row](), list[Row]()
    updates: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = {}
    for key, new in after.items():
        old = before.get(key)
        if new is not None and old is None:
            born.append(new)
        elif new is not None and old is not None:
            same = new.document is old.document
            columns = meta_columns_of(new) if same else changed_columns_of(new, old)
            names = tuple(name for name in columns if name not in _FIXED)
            bound = {**columns, "realm": new.realm, "id": new.id}
            updates.setdefault((new.type, names), []).append(bound)
            if not same and email_keys_of(new) != email_keys_of(old):
                moved.append(new)
        elif old is not None:
            gone.append(old)
    for (kind, names), rows in updates.items():
        _updating(kind, names).write(connection, rows)
    for kind in TABLES:
        _INSERT[kind].write(connection, [columns_of(row) for row in born if row.type == kind])
        ended = [{"realm": row.realm, "id": row.id} for row in gone if row.type == kind]
        _DELETE[kind].write(connection, ended)
    _store_emails(connection, born, moved, gone)


_FIXED = ("realm", "id", "created")
"""What never changes about a row."""
_INSERT = {kind: inserting(table) for kind, table in TABLES.items()}


@cache
def _updating(kind: str, names: tuple[str, ...]) -> RowStatement:
    """Return the statement that sets some columns of a row; built once for each shape."""
    return updating(TABLES[kind], _KEY, names)


def _store_emails(
    connection: Connection, born: Iterable[Row], moved: Sequence[Row], gone: Sequence[Row]
) -> None:
    ended = [{"realm": row.realm, "user_id": row.id} for row in [*moved, *gone]]
    _DELETE_EMAILS.write(connection, ended)
    rows = [
        {"realm": row.realm, "user_id": row.id, "place": place, "value_key": key}
        for row in [*born, *moved]
        for place, key in enumerate(email_keys_of(row))
    ]
    _INSERT_EMAILS.write(connection, rows)


_DELETE_EMAILS = deleting(user_emails, ("realm", "user_id"))
_INSERT_EMAILS = inserting(user_emails)
