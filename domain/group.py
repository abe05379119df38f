"""The Group aggregate: thin, because its members are recorded as deltas (ADR 0005).

The state knows the group's own attributes. Who is a member *now* stands in the member rows, so
adding one member to a group of 10,000 costs what it costs in a group of ten.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import assert_never

from domain import comparison
from domain.document import Document, changed, changes_between
from domain.events import (
    MEMBERS_PER_EVENT,
    Bare,
    WithChanges,
    WithDocument,
    WithMembers,
    WithRestoredDocument,
)
from domain.refusals import InvalidValue, NotDeleted
from domain.schemas import GROUP


def checked_display_name(document: Document) -> str:
    """Return the ``displayName`` of a document.

    Raises:
        InvalidValue: it is missing, or holds characters nobody sees.
    """
    name = document.get("displayName")
    if not name or not str(name).strip():
        raise InvalidValue("displayName is required and must not be empty")
    if invisible := comparison.invisible_character(str(name)):
        raise InvalidValue(f"displayName must not hold invisible characters ({invisible})")
    return str(name)


@dataclass(frozen=True)
class Group:
    """The state of a group without its members."""

    document: Document
    deleted: bool = False

    class Created(WithDocument):
        """The group came into being with this document, and no members yet."""

        topic = "group.created"

    class AttributesChanged(WithChanges):
        """Attributes other than ``displayName`` changed."""

        topic = "group.attributes-changed"

    class Renamed(WithChanges):
        """``displayName`` changed."""

        topic = "group.renamed"

    class MembersAdded(WithMembers):
        """These were not members before and are now."""

        topic = "group.members-added"

    class MembersRemoved(WithMembers):
        """These were members before and are no more."""

        topic = "group.members-removed"

    class Deleted(Bare):
        """The group was deleted, and with it every membership in it."""

        topic = "group.deleted"

    class Restored(WithRestoredDocument):
        """A deleted group came back under its old id, with this document and no members yet."""

        topic = "group.restored"

    @property
    def name_key(self) -> str:
        """The key by which the ``displayName`` is unique in the realm."""
        return comparison.folded(str(self.document["displayName"]))

    @classmethod
    def create(cls, document: Document) -> "Sequence[GroupEvent]":
        """Decide the creation of a group.

        Raises:
            InvalidValue: ``displayName`` is missing or not acceptable.
        """
        checked_display_name(document)
        return [cls.Created(document)]

    def change(self, document: Document) -> "Sequence[GroupEvent]":
        """Decide what it takes to make the group say ``document``.

        Raises:
            InvalidValue: ``displayName`` is missing or not acceptable.
        """
        changes = changes_between(self.document, document)
        events: list[GroupEvent] = []
        if renamed := changes.pop("displayName", None):
            checked_display_name(document)
            events.append(Group.Renamed({"displayName": renamed}))
        if changes:
            events.append(Group.AttributesChanged(changes))
        return events

    def delete(self) -> "Sequence[GroupEvent]":
        """Decide the deletion of the group."""
        return [Group.Deleted()]

    def restore(self, document: Document, created_at: int) -> "Sequence[GroupEvent]":
        """Decide that the group comes back and says ``document``; it was accepted once.

        Raises:
            NotDeleted: it is there.
        """
        if not self.deleted:
            raise NotDeleted(GROUP.name)
        return [Group.Restored(document, created_at)]

    @staticmethod
    def evolve(group: "Group | None", event: "GroupEvent") -> "Group":
        """Return the group as ``event`` leaves it; ``group`` is ``None`` before the first."""
        match event:
            case Group.Created(document) | Group.Restored(document):
                return Group(document)
            case Group.AttributesChanged(changes) | Group.Renamed(changes):
                before = _existing(group)
                return replace(before, document=changed(before.document, changes))
            case Group.MembersAdded() | Group.MembersRemoved():
                return _existing(group)
            case Group.Deleted():
                return replace(_existing(group), deleted=True)
            case _:
                assert_never(event)


GroupEvent = (
    Group.Created
    | Group.AttributesChanged
    | Group.Renamed
    | Group.MembersAdded
    | Group.MembersRemoved
    | Group.Deleted
    | Group.Restored
)

MEMBER_TOPICS = (Group.MembersAdded.topic, Group.MembersRemoved.topic)
"""Events that leave a group's own attributes alone: skipped when only those are asked for."""


def membership_events(added: Sequence[str], removed: Sequence[str]) -> Sequence[GroupEvent]:
    """Return the events that record a real delta, in pieces of at most 1,000 ids."""
    events: list[GroupEvent] = [Group.MembersRemoved(piece) for piece in _pieces(removed)]
    events += [Group.MembersAdded(piece) for piece in _pieces(added)]
    return events


def _pieces(ids: Sequence[str]) -> Sequence[tuple[str, ...]]:
    rest = iter(ids)
    return list(iter(lambda: tuple(islice(rest, MEMBERS_PER_EVENT)), ()))


def _existing(group: Group | None) -> Group:
    if group is None:
        raise ValueError(f"a Group stream begins with {Group.Created.topic}")
    return group
