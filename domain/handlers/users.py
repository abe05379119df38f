"""Handlers of the commands on users."""

from domain.commands import CreateUser, DeleteUser, PatchUser, ReplaceUser, RevertUser
from domain.document import Document
from domain.events import Stream
from domain.handlers.streams import (
    check_precondition,
    count_departure,
    doubts_about,
    guarded,
    leave,
    locked,
    no_doubts,
    same_version,
)
from domain.judging import check_document
from domain.patching import patched
from domain.ports import Log, Transaction, Written
from domain.refusals import UserNameTaken, VersionConflict
from domain.schemas import USER
from domain.user import User

USER_NAME = "userName"
"""The kind of claim that keeps user names unique."""


def create_user(command: CreateUser, log: Log) -> Written:
    """Create a user.

    Raises:
        InvalidValue: the document does not fit, or has no acceptable ``userName``.
        UserNameTaken: another user of the realm has the name, be it inactive.
    """
    check_document(USER, command.document)
    events = User.create(command.document)
    user = User(command.document)
    user_id = log.new_id()
    with log.transaction(command.cause) as work:
        doubts = doubts_about(work, USER.name, user.document, user_id)  # comes with the name
        take_name(work, user, user_id)
        work.append(user_id, USER.name, events, warnings=[*command.warnings, *doubts()])
    return Written(user_id)


def replace_user(command: ReplaceUser, log: Log) -> Written:
    """Replace what a user says; a document without ``active`` leaves it as it is (ADR 0006).

    Raises:
        NoSuchResource, InvalidValue, UserNameTaken, VersionMismatch, MassChange
    """
    check_document(USER, command.document)
    stream = log.user(command.cause.realm, command.user_id)
    document = dict(command.document)
    if "active" not in document and "active" in stream.state.document:
        document["active"] = stream.state.document["active"]
    return _change(command, log, stream, document)


def patch_user(command: PatchUser, log: Log) -> Written:
    """Apply operations to a user.

    Raises:
        NoSuchResource, UserNameTaken, VersionMismatch, MassChange
        or what is wrong with an operation
    """
    stream = log.user(command.cause.realm, command.user_id)
    document = patched(USER, stream.state.document, command.operations)
    return _change(command, log, stream, document)


def revert_user(command: RevertUser, log: Log) -> Written:
    """Make a user say again what it said; what it says now and did not then is unassigned.

    Raises:
        NoSuchResource, UserNameTaken, VersionMismatch, MassChange
    """
    stream = log.user(command.cause.realm, command.user_id)
    return _change(command, log, stream, command.document)


def _change(
    command: ReplaceUser | PatchUser | RevertUser,
    log: Log,
    stream: Stream[User],
    document: Document,
) -> Written:
    before = stream.state
    check_precondition(command.precondition, stream.entity_tag)
    events = before.change(document)
    if not events:
        return Written(command.user_id, changed=False)
    with guarded(command.cause, log), log.transaction(command.cause) as work:
        head = locked(work, USER.name, command.user_id)
        check_precondition(command.precondition, head.entity_tag)
        same_version(stream, head)
        if any(isinstance(event, User.Deactivated) for event in events):
            count_departure(command.cause, work, USER.name, command.user_id, deleted=False)
        after = User(document)
        if after.name_key != before.name_key:
            work.claims.release(USER_NAME, before.name_key)
            take_name(work, after, command.user_id)
        doubts = no_doubts
        if document.get("externalId") != before.document.get("externalId"):
            doubts = doubts_about(work, USER.name, document, command.user_id)
        work.append(command.user_id, USER.name, events, warnings=[*command.warnings, *doubts()])
    return Written(command.user_id)


def delete_user(command: DeleteUser, log: Log) -> Written:
    """Delete a user; its memberships end in the same transaction, whatever their number.

    Raises:
        NoSuchResource, VersionMismatch, MassChange
    """
    stream = log.user(command.cause.realm, command.user_id)
    with guarded(command.cause, log), log.transaction(command.cause) as work:
        head = locked(work, USER.name, command.user_id)
        check_precondition(command.precondition, head.entity_tag)
        same_version(stream, head)
        groups = work.groups_of(command.user_id)
        work.lock(written=groups)
        if work.groups_of(command.user_id) != groups:
            raise VersionConflict(command.user_id)  # it was taken out of one before the lock
        count_departure(command.cause, work, USER.name, command.user_id, deleted=True)
        work.claims.release(USER_NAME, stream.state.name_key)
        work.members.leave_all(command.user_id)
        work.append(command.user_id, USER.name, stream.state.delete())
        leave(work, groups, command.user_id)
    return Written(command.user_id)


def take_name(work: Transaction, user: User, user_id: str) -> None:
    """Claim the ``userName`` of a user. Raises :class:`UserNameTaken`."""
    if work.claims.take(USER_NAME, user.name_key, user_id) is not None:
        raise UserNameTaken(str(user.document["userName"]))
