"""Entries of the audit log in words: the JSON objects of answers and of an export."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from domain.group import MEMBER_TOPICS
from domain.instants import instant
from projections.audit import Entry
from projections.audit.said import Said, said_in
from projections.spans.g1 import names_begun

Told = dict[str, Any]
_Names = Mapping[str, Sequence[tuple[int, str | None]]]


def told(connection: Connection, realm: str, entries: Sequence[Entry]) -> list[Told]:
    """Return entries of a realm as JSON objects, with the names that members had then."""
    of_members = {
        entry.position: said_in(entry.action, entry.payload)
        for entry in entries
        if entry.action in MEMBER_TOPICS
    }
    members = {id_ for said in of_members.values() for id_ in (*said.added, *said.removed)}
    names: _Names = names_begun(connection, realm, members) if members else {}
    return [_told(entry, of_members.get(entry.position), names) for entry in entries]


def name_then(names: _Names, id_: str, position: int) -> str | None:
    """Return the last name of a resource that began at a position or before."""
    begun = names.get(id_, ())
    place = bisect_right(begun, position, key=lambda each: each[0])
    return begun[place - 1][1] if place else None


def _told(entry: Entry, said: Said | None, names: _Names) -> Told:
    # Taken apart at once, a field costs half of what it costs by its name.
    (
        _realm,
        position,
        recorded_at,
        resource_type,
        resource_id,
        resource_name,
        version,
        action,
        operation,
        actor_kind,
        actor_id,
        token_id,
        source_address,
        user_agent,
        correlation_id,
        causation_id,
        payload,
    ) = entry
    said = said or said_in(action, payload)
    added, removed, warnings = said.added, said.removed, said.warnings
    return {
        "position": position,
        "recordedAt": instant(recorded_at),
        "action": action,
        "operation": operation,
        "resourceType": resource_type,
        "resourceId": resource_id,
        "resourceName": resource_name,
        "version": version,
        "actor": {"kind": actor_kind, "id": actor_id, "tokenId": token_id},
        "sourceAddress": source_address,
        "userAgent": user_agent,
        "correlationId": correlation_id,
        "causationId": causation_id,
        "changes": said.changes,
        "membersAdded": _people(names, added, position) if added else [],
        "membersRemoved": _people(names, removed, position) if removed else [],
        "warnings": [{"code": code, "path": path} for code, path in warnings] if warnings else [],
    }


def _people(names: _Names, ids: Sequence[str], position: int) -> list[Told]:
    return [{"value": id_, "display": name_then(names, id_, position)} for id_ in ids]
