"""Why a command is refused: one class a fact, in SCIM's own vocabulary.

``scim_type`` is the keyword of RFC 7644 §3.12; ``api.errors`` holds the one table that turns a
refusal into an HTTP status. The detail is written for the administrator who sees only that text:
it names the attribute and says what stands against it.
"""

from typing import ClassVar, Protocol


class Refusal(Exception):
    """A command was refused; nothing was changed."""

    scim_type: ClassVar[str | None] = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidSyntax(Refusal):
    """The message is not what the protocol asks for."""

    scim_type = "invalidSyntax"


class InvalidValue(Refusal):
    """A value does not fit its attribute, or a required attribute is missing."""

    scim_type = "invalidValue"


class InvalidPath(Refusal):
    """The path of a PATCH operation cannot be read."""

    scim_type = "invalidPath"


class InvalidFilter(Refusal):
    """A filter cannot be read, or compares what cannot be compared."""

    scim_type = "invalidFilter"


class NoTarget(Refusal):
    """A PATCH operation names nothing it could act on."""

    scim_type = "noTarget"


class AttributeReadOnly(Refusal):
    """A change of something the client may not change, or may not leave unassigned."""

    scim_type = "mutability"


class TooMany(Refusal):
    """A request or an answer would be larger than this service provider handles."""

    scim_type = "tooMany"


class NameTaken(Refusal):
    """A unique value already belongs to another resource of the realm."""

    scim_type = "uniqueness"


class UserNameTaken(NameTaken):
    """Another user of the realm has this ``userName``."""

    def __init__(self, user_name: str) -> None:
        super().__init__(
            f'userName "{user_name}" already belongs to another user of this realm '
            "(names are compared without regard to case; deactivated users keep theirs)"
        )


class GroupNameTaken(NameTaken):
    """Another group of the realm has this ``displayName``."""

    def __init__(self, display_name: str, owner: str) -> None:
        super().__init__(
            f'displayName "{display_name}" already belongs to group {owner} of this realm; '
            "group names are unique because clients match groups by them"
        )


class RealmNameTaken(NameTaken):
    """Another realm has this name."""

    def __init__(self, slug: str) -> None:
        super().__init__(f'a realm called "{slug}" already exists')


class NoSuchResource(Refusal):
    """There is no such resource in the realm (any more)."""

    def __init__(self, resource_type: str, resource_id: str) -> None:
        super().__init__(f"{resource_type} {resource_id} does not exist in this realm")


class NotDeleted(Refusal):
    """A resource that is there cannot come back."""

    def __init__(self, resource_type: str) -> None:
        super().__init__(
            f"the {resource_type} is not deleted; to put its attributes back to what they were, "
            "name an instant"
        )


class NoSuchRealm(Refusal):
    """There is no realm of that name."""

    def __init__(self, slug: str) -> None:
        super().__init__(f'there is no realm "{slug}"; "rollbook realm list" shows them')


class NoSuchCredential(Refusal):
    """The realm has no such client, secret or token."""


class RealmSuspended(Refusal):
    """The realm does not accept changes."""


class MassLimit(Protocol):
    """How much is too much: the numbers of a guard (:mod:`domain.guard`)."""

    @property
    def percent(self) -> int:
        """Of all there are."""
        ...

    @property
    def minimum(self) -> int:
        """That many are never too few."""
        ...

    @property
    def window_minutes(self) -> int:
        """Within so many minutes."""
        ...


class MassChange(Refusal):
    """More would be deactivated or deleted than the realm's guard lets through."""

    def __init__(
        self, resource_type: str, changed: int, total: int, *, realm: str, limit: MassLimit
    ) -> None:
        self.resource_type, self.changed, self.total = resource_type, changed, total
        super().__init__(
            f"{changed} of {total} {resource_type.lower()}s were deactivated or deleted within "
            f"{limit.window_minutes} minutes, and the mass-change guard of this realm lets no more "
            f"through (its limit is {limit.percent} %, at least {limit.minimum}); if all of it is "
            f'meant, an administrator lifts the guard: "rollbook realm guard {realm} --lift"'
        )


class VersionMismatch(Refusal):
    """The resource has changed since the version the client names (RFC 7644 §3.14)."""

    def __init__(self, current: str) -> None:
        super().__init__(
            f"the resource has changed: its version is now {current}; read it again and repeat"
        )


class Unavailable(Refusal):
    """The database is busy or gone, or this process may not write now; try again."""


class VersionConflict(Exception):
    """Somebody else wrote the stream between the decision and its transaction.

    Not a refusal: the command is decided again (ADR 0004), unless the client named a version.
    """
