"""Writing generation 1 of the directory from events, a batch at a time."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, Update, bindparam, delete, insert, select, update

from domain.schemas import USER
from projections.beside import pieces
from projections.directory.g1.rendering import (
    columns_of,
    correlation_of,
    email_keys_of,
    meta_columns_of,
    read_document,
)
from projections.directory.g1.rows import FUNCTIONS, Row
from projections.directory.g1.tables import groups, user_emails, users
from projections.generations import Positioned

TABLES = {"User": users, "Group": groups}


def project(connection: Connection, events: Sequence[Positioned]) -> None:
    """Apply events, in order, to the rows of their resources: load, fold, write back."""
    streams: dict[tuple[str, str], list[Positioned]] = {}
    for positioned in events:
        kind, _, _ = positioned.recorded.event.topic.partition(".")
        if kind.capitalize() in TABLES:
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


def _load(
    connection: Connection, streams: dict[tuple[str, str], list[Positioned]]
) -> dict[tuple[str, str], Row]:
    """Load the rows that exist already: of streams whose first event is not here."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for (realm, id_), own in streams.items():
        first = own[0].recorded
        if first.originator_version > 1:
            kind = first.event.topic.partition(".")[0].capitalize()
            wanted.setdefault((realm, kind), []).append(id_)
    rows: dict[tuple[str, str], Row] = {}
    for (realm, kind), ids in wanted.items():
        for piece in pieces(ids):
            bound = {"realm": realm, "ids": piece}
            for id_, document, version, meta, created, modified in connection.execute(
                _STORED[kind], bound
            ):
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


_STORED = {
    kind: select(
        table.c.id,
        table.c.document,
        table.c.version,
        table.c.meta,
        table.c.created,
        table.c.last_modified,
    ).where(table.c.realm == bindparam("realm"), table.c.id.in_(bindparam("ids", expanding=True)))
    for kind, table in TABLES.items()
}


def _store(
    connection: Connection,
    before: dict[tuple[str, str], Row],
    after: dict[tuple[str, str], Row | None],
) -> None:
    """Write the rows that changed, each table in as few statements as there are kinds of change."""
    for kind, table in TABLES.items():
        born = [r for k, r in after.items() if r and k not in before and r.type == kind]
        kept = [(before[k], r) for k, r in after.items() if r and k in before and r.type == kind]
        gone = [b for k, b in before.items() if after.get(k) is None and b.type == kind]
        if born:
            connection.execute(insert(table), [columns_of(row) for row in born])
        touched = [new for old, new in kept if new.document is old.document]
        if touched:
            _update(connection, table, [(row, meta_columns_of(row)) for row in touched])
        rewritten = [new for old, new in kept if new.document is not old.document]
        if rewritten:
            _update(connection, table, [(row, columns_of(row)) for row in rewritten])
        for row in gone:
            connection.execute(
                delete(table).where(table.c.realm == row.realm, table.c.id == row.id)
            )
        if kind == USER.name:
            moved = [new for old, new in kept if email_keys_of(old) != email_keys_of(new)]
            _store_emails(connection, born, moved, gone)


def _update(
    connection: Connection, table: Table, rows: Sequence[tuple[Row, dict[str, Any]]]
) -> None:
    names = tuple(name for name in rows[0][1] if name not in ("realm", "id", "created"))
    connection.execute(
        _updating(table, names),
        [
            {
                "b_realm": row.realm,
                "b_id": row.id,
                **{f"b_{name}": columns[name] for name in names},
            }
            for row, columns in rows
        ],
    )


@cache
def _updating(table: Table, names: tuple[str, ...]) -> Update:
    """Return the statement that sets some columns of a row; built once for each shape."""
    return (
        update(table)
        .where(table.c.realm == bindparam("b_realm"), table.c.id == bindparam("b_id"))
        .values({name: bindparam(f"b_{name}") for name in names})
    )


def _store_emails(
    connection: Connection, born: Iterable[Row], moved: Sequence[Row], gone: Sequence[Row]
) -> None:
    for row in [*moved, *gone]:
        connection.execute(
            delete(user_emails).where(
                user_emails.c.realm == row.realm, user_emails.c.user_id == row.id
            )
        )
    rows = [
        {"realm": row.realm, "user_id": row.id, "place": place, "value_key": key}
        for row in [*born, *moved]
        for place, key in enumerate(email_keys_of(row))
    ]
    if rows:
        connection.execute(insert(user_emails), rows)
