"""Entries of the audit log in words: the JSON objects of answers and of an export."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from domain.group import MEMBER_TOPICS
from domain.instants import instant
from projections.audit import Entry
from projections.audit.said import changes_in, members_in
from projections.spans.g1 import names_begun

Told = dict[str, Any]
_Names = Mapping[str, Sequence[tuple[int, str | None]]]


def told(connection: Connection, realm: str, entries: Sequence[Entry]) -> list[Told]:
    """Return entries of a realm as JSON objects, with the names that members had then."""
    of_members = (entry for entry in entries if entry.row.action in MEMBER_TOPICS)
    members = {id_ for entry in of_members for id_ in entry.clear["members"]}
    names: _Names = names_begun(connection, realm, members) if members else {}
    return [_told(entry, names) for entry in entries]


def name_then(names: _Names, id_: str, position: int) -> str | None:
    """Return the last name of a resource that began at a position or before."""
    begun = names.get(id_, ())
    place = bisect_right(begun, position, key=lambda each: each[0])
    return begun[place - 1][1] if place else None


def _told(entry: Entry, names: _Names) -> Told:
    row, clear, personal, warnings = entry
    added, removed = members_in(row.action, clear)
    return {
        "position": row.position,
        "recordedAt": instant(row.recorded_at),
        "action": row.action,
        "operation": row.operation,
        "resourceType": row.resource_type,
        "resourceId": row.resource_id,
        "resourceName": row.resource_name,
        "version": row.version,
        "actor": {"kind": row.actor_kind, "id": row.actor_id, "tokenId": row.token_id},
        "sourceAddress": row.source_address,
        "userAgent": row.user_agent,
        "correlationId": row.correlation_id,
        "causationId": row.causation_id,
        "changes": [
            {"path": path, "before": before, "after": after}
            for path, before, after in changes_in(row.action, clear, personal)
        ],
        "membersAdded": _people(names, added, row.position),
        "membersRemoved": _people(names, removed, row.position),
        "warnings": [{"code": code, "path": path} for code, path in warnings],
    }


def _people(names: _Names, ids: Sequence[str], position: int) -> list[Told]:
    if not ids:
        return []
    return [{"value": id_, "display": name_then(names, id_, position)} for id_ in ids]
