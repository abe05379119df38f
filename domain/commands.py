"""Commands: what somebody wants done, imperative, with everything needed to decide it.

Documents and operations arrive in normal form (canonical names, unknown attributes dropped and
listed in ``warnings``); ``cause.realm`` is the realm the command acts in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.cause import Cause, Warned
from domain.document import Document
from domain.events import Stream
from domain.group import Group
from domain.patching import AttributeOperation, MemberDelta
from domain.ports import Precondition
from domain.user import User


@dataclass(frozen=True, slots=True)
class CreateUser:
    """Create a user that says ``document``."""

    cause: Cause
    document: Document
    warnings: Sequence[Warned] = ()


@dataclass(frozen=True, slots=True)
class ReplaceUser:
    """Put ``document`` in the place of what the user says (RFC 7644 §3.5.1)."""

    cause: Cause
    user_id: str
    document: Document
    warnings: Sequence[Warned] = ()
    precondition: Precondition | None = None


@dataclass(frozen=True, slots=True)
class PatchUser:
    """Apply operations to a user (RFC 7644 §3.5.2)."""

    cause: Cause
    user_id: str
    operations: Sequence[AttributeOperation]
    warnings: Sequence[Warned] = ()
    precondition: Precondition | None = None


@dataclass(frozen=True, slots=True)
class DeleteUser:
    """Delete a user, and with it every membership it has."""

    cause: Cause
    user_id: str
    precondition: Precondition | None = None


@dataclass(frozen=True, slots=True)
class CreateGroup:
    """Create a group that says ``document`` and has these members."""

    cause: Cause
    document: Document
    members: MemberDelta
    warnings: Sequence[Warned] = ()


@dataclass(frozen=True, slots=True)
class ReplaceGroup:
    """Put ``document`` in the place of what the group says.

    ``members`` is empty when the client did not mention them: they stay then (ADR 0006).
    """

    cause: Cause
    group_id: str
    document: Document
    members: MemberDelta
    warnings: Sequence[Warned] = ()
    precondition: Precondition | None = None


@dataclass(frozen=True, slots=True)
class PatchGroup:
    """Apply operations to a group's own attributes, and a delta to its members."""

    cause: Cause
    group_id: str
    operations: Sequence[AttributeOperation]
    members: MemberDelta
    warnings: Sequence[Warned] = ()
    precondition: Precondition | None = None


@dataclass(frozen=True, slots=True)
class DeleteGroup:
    """Delete a group, and with it every membership in it and of it."""

    cause: Cause
    group_id: str
    precondition: Precondition | None = None


@dataclass(frozen=True, slots=True)
class RestoreUser:
    """Bring a deleted user back under its old id: ``document`` and ``groups`` as they were."""

    cause: Cause
    stream: Stream[User]
    """The user as it was seen; where it was written since, it is seen and decided again."""
    document: Document
    created_at: int
    """The instant of the first event of the stream, in microseconds."""
    groups: Sequence[str]
    precondition: Precondition | None = None


@dataclass(frozen=True, slots=True)
class RestoreGroup:
    """Bring a deleted group back, with its members and into the groups it was in; as a user."""

    cause: Cause
    stream: Stream[Group]
    document: Document
    created_at: int
    members: Sequence[str]
    groups: Sequence[str]
    precondition: Precondition | None = None


@dataclass(frozen=True, slots=True)
class RevertUser:
    """Make a living user say again what it said: ``document``, whole."""

    cause: Cause
    user_id: str
    document: Document
    warnings: Sequence[Warned] = ()
    precondition: Precondition | None = None


@dataclass(frozen=True, slots=True)
class RevertGroup:
    """Make a living group say again what it said; ``members`` is empty where they stay."""

    cause: Cause
    group_id: str
    document: Document
    members: MemberDelta
    warnings: Sequence[Warned] = ()
    precondition: Precondition | None = None
