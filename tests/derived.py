"""What must stand beside the log, worked out from its events alone.

A second opinion on heads, claims and member rows: written without looking at how the handlers keep
them, so that a test can hold the two against each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from domain.events import RecordedEvent
from domain.group import Group
from domain.ports import Head
from domain.realm import Realm
from domain.user import User

Key = tuple[str, str]
"""A realm and an id in it."""


@dataclass
class Beside:
    """Heads and states by stream, claims by (realm, kind, key), members by group."""

    heads: dict[Key, Head] = field(default_factory=dict)
    states: dict[Key, Any] = field(default_factory=dict)
    claims: dict[tuple[str, str, str], str] = field(default_factory=dict)
    members: dict[Key, set[str]] = field(default_factory=dict)


def beside(events: Iterable[RecordedEvent[Any]]) -> Beside:
    """Return what the events make necessary; fails where they contradict each other."""
    found = Beside()
    for recorded in events:
        _follow(found, recorded)
    for (realm, id_), state in found.states.items():
        kind = _claim_kind(found, realm, state)
        if kind is not None:
            key = (realm, kind, state.name_key)
            assert key not in found.claims, f"two living resources hold {key}"
            found.claims[key] = id_
    found.members = {group: ids for group, ids in found.members.items() if ids}
    return found


def _follow(found: Beside, recorded: RecordedEvent[Any]) -> None:
    event, key = recorded.event, (recorded.cause.realm, recorded.stream_id)
    kind = event.topic.partition(".")[0].capitalize()
    before = found.heads.get(key)
    assert recorded.originator_version == (before.version if before else 0) + 1, recorded
    assert before is None or recorded.recorded_at >= before.recorded_at, recorded
    found.heads[key] = Head(
        recorded.stream_id,
        kind,
        recorded.originator_version,
        event.topic.endswith(".deleted"),
        recorded.recorded_at,
        recorded.cause.correlation_id,
    )
    aggregate: Any = {"User": User, "Group": Group, "Realm": Realm}[kind]
    found.states[key] = aggregate.evolve(found.states.get(key), event)
    members = found.members.setdefault(key, set())
    match event:
        case Group.MembersAdded(ids):
            assert not members & set(ids), f"added again: {recorded}"
            members |= set(ids)
        case Group.MembersRemoved(ids):
            assert set(ids) <= members, f"removed, but never added: {recorded}"
            members -= set(ids)
        case Group.Deleted():
            members.clear()


def _claim_kind(found: Beside, realm: str, state: Any) -> str | None:
    match state:
        case User(deleted=False):
            return "userName"
        case Group(deleted=False):
            of = found.states.get((realm, realm))
            return "group.displayName" if of is None or of.unique_group_names else None
    return None
