"""What every handler does with the head of the stream it writes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from domain.cause import Cause, Warned
from domain.document import Document
from domain.events import Stream
from domain.group import Group
from domain.guard import Guard
from domain.ports import Head, Log, Precondition, Transaction
from domain.refusals import MassChange, NoSuchResource, VersionConflict, VersionMismatch


def locked(work: Transaction, resource_type: str, resource_id: str) -> Head:
    """Lock a resource to be written and return its head.

    Raises:
        NoSuchResource: the realm does not have it, or has it no more.
    """
    head = work.lock(written=[resource_id]).get(resource_id)
    return living(head, resource_type, resource_id)


def living(head: Head | None, resource_type: str, resource_id: str) -> Head:
    """Return the head if it is one of a living resource of the type, else raise."""
    if head is None or head.deleted or head.type != resource_type:
        raise NoSuchResource(resource_type, resource_id)
    return head


def check_precondition(precondition: Precondition | None, tag: str) -> None:
    """Check what the client knows against an entity tag.

    Raises:
        VersionMismatch: the client named another version.
    """
    if precondition is not None and not precondition.holds(tag):
        raise VersionMismatch(tag)


def same_version(stream: Stream[Any], head: Head) -> None:
    """Check that nobody wrote between the decision and the lock.

    Raises:
        VersionConflict: somebody did; the command is decided again.
    """
    if stream.version != head.version:
        raise VersionConflict(head.id)


@contextmanager
def guarded(cause: Cause, log: Log) -> Iterator[None]:
    """Record in the realm's stream, once a trip, that its guard refused what the block wanted.

    The refusal itself leaves nothing behind: this is a transaction of its own.
    """
    try:
        yield
    except MassChange as refusal:
        stream = log.realm(cause.realm)
        numbers = (refusal.resource_type, refusal.changed, refusal.total)
        tripped = Guard.tripping(stream.state.guard, log.clock(), *numbers)
        if tripped:
            with log.transaction(cause) as work:
                same_version(stream, work.lock(written=[cause.realm])[cause.realm])
                work.append(cause.realm, "Realm", tripped)
        raise


def count_departure(
    cause: Cause, work: Transaction, resource_type: str, resource_id: str, *, deleted: bool
) -> None:
    """Count what a client deactivates or deletes; operators are their own guard.

    Raises:
        MassChange: the realm's guard lets no more through.
    """
    if cause.actor.kind == "client":
        work.depart(resource_type, resource_id, deleted=deleted)


def doubts_about(
    work: Transaction, resource_type: str, document: Document, resource_id: str
) -> Callable[[], Sequence[Warned]]:
    """Ask what is accepted and worth a warning: an ``externalId`` used twice (ADR 0004)."""
    external_id = document.get("externalId")
    if not external_id:
        return no_doubts
    shared = work.shares_external_id(resource_type, external_id, resource_id)
    return lambda: [Warned("shared-external-id", "externalId")] if shared() else []


def no_doubts() -> Sequence[Warned]:
    """Return no warnings."""
    return ()


def leave(work: Transaction, groups: Sequence[str], member_id: str) -> None:
    """Record that a deleted resource is no longer a member of its groups."""
    for group_id in groups:
        work.append(group_id, "Group", [Group.MembersRemoved((member_id,))], caused_by=member_id)
