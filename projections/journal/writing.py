"""From entries to rows: realms and clients looked up, a batch in one transaction.

The rows go in few statements of many rows each: SQLite gives the interpreter's lock away at every
statement, and beside a busy event loop each waits to get it back (ADR 0011). Written twice, a row
is there once: whoever does not know whether a commit came through begins again.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, bindparam, select, tuple_

from domain.credentials import masked
from projections.engines.spelling import insert_new
from projections.journal.entries import Entry, Gap
from projections.prepared import Prepared
from projections.tables import clients, realms, request_gaps, requests

_SIZES = (256, 32, 4, 1)
"""Rows of one statement: each size is compiled once."""
_COLUMNS = tuple(requests.c.keys())
_BARRED = dict.fromkeys((0, *range(55296, 57344)), "�")
"""NUL and lone surrogates: no text of a database."""


def write_entries(connection: Connection, entries: Sequence[Entry], gaps: Sequence[Gap]) -> None:
    """Write what belongs to a realm; of realms that do not exist nothing is kept."""
    ids = _realm_ids(connection, [*entries, *gaps])
    clients_of = _known_clients(connection, entries, ids)
    rows = []
    for entry in entries:
        realm = entry.realm or ids.get(entry.slug or "")
        if realm is not None:
            rows.append(_row(entry, realm, clients_of))
    for number in _SIZES:
        whole = len(rows) - len(rows) % number
        for start in range(0, whole, number):
            values = chain.from_iterable(rows[start : start + number])
            _insert(connection.dialect.name, number).rows(
                connection, dict(zip(_names(number), values, strict=True))
            )
        rows = rows[whole:]
    for gap in gaps:
        if realm := gap.realm or ids.get(gap.slug or ""):
            _note(connection, realm, gap)


def _realm_ids(connection: Connection, found: Iterable[Entry | Gap]) -> dict[str, str]:
    slugs = {each.slug for each in found if each.realm is None and each.slug is not None}
    if not slugs:
        return {}
    rows = connection.execute(_REALMS, {"slugs": sorted(slugs)})
    return {row.slug: row.realm for row in rows}


def _known_clients(
    connection: Connection, entries: Iterable[Entry], ids: Mapping[str, str]
) -> set[tuple[str, str]]:
    """Return which of the clients that were only named exist: what else stands there is a guess."""
    named = {
        (ids[entry.slug], entry.claimed.translate(_BARRED))
        for entry in entries
        if entry.claimed and entry.slug is not None and entry.slug in ids
    }
    if not named:
        return set()
    rows = connection.execute(_CLIENTS, {"named": sorted(named)})
    return {(row.realm, row.client_id) for row in rows}


def _row(entry: Entry, realm: str, clients_of: set[tuple[str, str]]) -> tuple[Any, ...]:
    claimed = entry.claimed if (realm, entry.claimed) in clients_of else None
    return (
        realm,
        entry.at,
        entry.correlation_id,
        entry.microseconds,
        entry.client_id or claimed,
        entry.token_id,
        entry.method,
        entry.route,
        entry.resource_type,
        _clean(entry.resource_id),
        entry.status,
        _clean(entry.scim_type),
        _clean(entry.detail),
        entry.source_address,
        _clean(entry.user_agent),
    )


def _clean(text: str | None) -> str | None:
    """Return what a database can hold of a text, without what looks like a credential in it."""
    if text is None or text.isalnum():
        return text
    if not text.isascii() or "\0" in text:
        text = text.translate(_BARRED)
    return masked(text)


def _note(connection: Connection, realm: str, gap: Gap) -> None:
    noted_by = f"{gap.first_at:x}-{gap.requests:x}"
    row = {"realm": realm, "last_at": gap.last_at, "first_at": gap.first_at}
    connection.execute(
        insert_new(connection.dialect.name, request_gaps),
        {**row, "requests": gap.requests, "noted_by": noted_by},
    )


@cache
def _names(rows: int) -> Sequence[str]:
    return [f"{name}_{place}" for place in range(rows) for name in _COLUMNS]


@cache
def _insert(dialect_name: str, rows: int) -> Prepared:
    values = [
        {name: bindparam(f"{name}_{place}", type_=requests.c[name].type) for name in _COLUMNS}
        for place in range(rows)
    ]
    return Prepared(insert_new(dialect_name, requests).values(values))


_REALMS = select(realms.c.slug, realms.c.realm).where(
    realms.c.slug.in_(bindparam("slugs", expanding=True))
)
_CLIENTS = select(clients.c.realm, clients.c.client_id).where(
    tuple_(clients.c.realm, clients.c.client_id).in_(bindparam("named", expanding=True))
)
