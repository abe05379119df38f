"""The User aggregate: its events, its state, and what may happen to it (ADR 0005)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

from domain import comparison
from domain.document import Changes, Document, changed, changes_between
from domain.events import Bare, WithChanges, WithDocument, WithRestoredDocument
from domain.refusals import InvalidValue, NotDeleted
from domain.schemas import USER


def checked_user_name(document: Document) -> str:
    """Return the ``userName`` of a document.

    Raises:
        InvalidValue: it is missing, or has a form that looks like another name: surrounding white
            space, control characters, zero-width characters (ABUSE G6).
    """
    name: Any = document.get("userName")
    if not name:
        raise InvalidValue("userName is required and must not be empty")
    if name != name.strip():
        raise InvalidValue("userName must not begin or end with white space")
    if invisible := comparison.invisible_character(name):
        raise InvalidValue(f"userName must not hold invisible characters ({invisible})")
    return str(name)


@dataclass(frozen=True)
class User:
    """The state of a user: its document, and whether it is deleted."""

    document: Document
    deleted: bool = False

    class Created(WithDocument):
        """The user came into being with this document."""

        topic = "user.created"

    class AttributesChanged(WithChanges):
        """Attributes other than the two with events of their own changed."""

        topic = "user.attributes-changed"

    class Renamed(WithChanges):
        """``userName`` changed."""

        topic = "user.renamed"

    class Deactivated(WithChanges):
        """``active`` became false: the user may not enter."""

        topic = "user.deactivated"

    class Activated(WithChanges):
        """``active`` became true."""

        topic = "user.activated"

    class Deleted(Bare):
        """The user was deleted; its name is free again."""

        topic = "user.deleted"

    class Restored(WithRestoredDocument):
        """A deleted user came back under its old id, with this document."""

        topic = "user.restored"

    @property
    def name_key(self) -> str:
        """The key by which the ``userName`` is unique in the realm."""
        return comparison.folded(str(self.document["userName"]))

    @classmethod
    def create(cls, document: Document) -> "Sequence[UserEvent]":
        """Decide the creation of a user; ``active`` is true unless the client says otherwise.

        Raises:
            InvalidValue: ``userName`` is missing or not acceptable.
        """
        checked_user_name(document)
        return [cls.Created({**document, "active": document.get("active", True)})]

    def change(self, document: Document) -> "Sequence[UserEvent]":
        """Decide what it takes to make the user say ``document``; nothing when it already does.

        Raises:
            InvalidValue: ``userName`` is missing or not acceptable.
        """
        changes = changes_between(self.document, document)
        if "userName" in changes:
            checked_user_name(document)
        return list(self._events_of(changes))

    def _events_of(self, changes: Changes) -> "Sequence[UserEvent]":
        events: list[UserEvent] = []
        rest = dict(changes)
        if renamed := rest.pop("userName", None):
            events.append(User.Renamed({"userName": renamed}))
        if "active" in rest and rest["active"].new is not None:
            active = rest.pop("active")
            kind = User.Activated if active.new else User.Deactivated
            events.append(kind({"active": active}))
        if rest:
            events.append(User.AttributesChanged(rest))
        return events

    def delete(self) -> "Sequence[UserEvent]":
        """Decide the deletion of the user."""
        return [User.Deleted()]

    def restore(self, document: Document, created_at: int) -> "Sequence[UserEvent]":
        """Decide that the user comes back and says ``document``; it was accepted once.

        Raises:
            NotDeleted: it is there.
        """
        if not self.deleted:
            raise NotDeleted(USER.name)
        return [User.Restored(document, created_at)]

    @staticmethod
    def evolve(user: "User | None", event: "UserEvent") -> "User":
        """Return the user as ``event`` leaves it; ``user`` is ``None`` before the first event."""
        match event:
            case User.Created(document) | User.Restored(document):
                return User(document)
            case (
                User.AttributesChanged(changes)
                | User.Renamed(changes)
                | User.Activated(changes)
                | User.Deactivated(changes)
            ):
                before = _existing(user)
                return User(changed(before.document, changes), before.deleted)
            case User.Deleted():
                return replace(_existing(user), deleted=True)
            case _:
                assert_never(event)


UserEvent = (
    User.Created
    | User.AttributesChanged
    | User.Renamed
    | User.Deactivated
    | User.Activated
    | User.Deleted
    | User.Restored
)


def _existing(user: User | None) -> User:
    if user is None:
        raise ValueError(f"a {USER.name} stream begins with {User.Created.topic}")
    return user
