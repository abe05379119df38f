"""Handlers of the commands on groups."""

from collections.abc import Collection, Mapping, Sequence

from domain.cause import Warned
from domain.commands import CreateGroup, DeleteGroup, PatchGroup, ReplaceGroup, RevertGroup
from domain.document import Document
from domain.events import Stream
from domain.group import Group, GroupEvent, membership_events
from domain.handlers.streams import (
    check_precondition,
    count_departure,
    doubts_about,
    guarded,
    leave,
    living,
    no_doubts,
    same_version,
)
from domain.judging import check_document
from domain.patching import MemberDelta, patched
from domain.ports import Head, Log, Transaction, Written
from domain.refusals import GroupNameTaken, InvalidValue, VersionConflict
from domain.schemas import GROUP, USER

DISPLAY_NAME = "group.displayName"
"""The kind of claim that keeps group names unique."""


def create_group(command: CreateGroup, log: Log) -> Written:
    """Create a group with its first members.

    Raises:
        InvalidValue: the document does not fit, or has no acceptable ``displayName``.
        GroupNameTaken: another group of the realm has the name.
    """
    check_document(GROUP, command.document)
    created = Group.create(command.document)
    group_id = log.new_id()
    with log.transaction(command.cause) as work:
        heads = work.lock(referred=command.members.wanted)
        take_name(work, Group(command.document), group_id)
        joined, warnings = _apply(work, group_id, command.members, heads)
        doubts = doubts_about(work, GROUP.name, command.document, group_id)
        warnings = [*command.warnings, *warnings, *doubts()]
        work.append(group_id, GROUP.name, [*created, *joined], warnings=warnings)
    return Written(group_id)


def replace_group(command: ReplaceGroup, log: Log) -> Written:
    """Replace what a group says, and its members where the client names them.

    Raises:
        NoSuchResource, InvalidValue, GroupNameTaken, VersionMismatch
    """
    check_document(GROUP, command.document)
    stream = log.group(command.cause.realm, command.group_id)
    return _change(command, log, stream, command.document)


def patch_group(command: PatchGroup, log: Log) -> Written:
    """Apply operations to a group; members alone never load its stream (ADR 0005).

    Raises:
        NoSuchResource, GroupNameTaken, VersionMismatch, or what is wrong with an operation
    """
    if not command.operations:
        return _change(command, log, None, {})
    stream = log.group(command.cause.realm, command.group_id)
    return _change(command, log, stream, patched(GROUP, stream.state.document, command.operations))


def revert_group(command: RevertGroup, log: Log) -> Written:
    """Make a group say again what it said, and have the members it had where they are named.

    Raises:
        NoSuchResource, GroupNameTaken, VersionMismatch
    """
    stream = log.group(command.cause.realm, command.group_id)
    return _change(command, log, stream, command.document)


def _change(
    command: ReplaceGroup | PatchGroup | RevertGroup,
    log: Log,
    stream: Stream[Group] | None,
    document: Document,
) -> Written:
    own = stream.state.change(document) if stream else []
    if command.group_id in command.members.wanted:
        raise InvalidValue("members: a group cannot be a member of itself")
    if stream and not own and not command.members:
        check_precondition(command.precondition, stream.entity_tag)
        return Written(command.group_id, changed=False)
    with log.transaction(command.cause) as work:
        heads = work.lock(written=[command.group_id], referred=command.members.wanted)
        head = living(heads.get(command.group_id), GROUP.name, command.group_id)
        check_precondition(command.precondition, head.entity_tag)
        doubts = no_doubts
        if stream:
            # Also where the document stays: what was read and the members belong together.
            same_version(stream, head)
        if stream and own:
            _rename(work, stream.state, Group(document), command.group_id)
            if document.get("externalId") != stream.state.document.get("externalId"):
                doubts = doubts_about(work, GROUP.name, document, command.group_id)
        delta, warnings = _apply(work, command.group_id, command.members, heads)
        events = [*own, *delta]
        work.append(
            command.group_id,
            GROUP.name,
            events,
            warnings=[*command.warnings, *warnings, *doubts()],
        )
    return Written(command.group_id, changed=bool(events), warnings=warnings)


def delete_group(command: DeleteGroup, log: Log) -> Written:
    """Delete a group; its members stay, their memberships end.

    Raises:
        NoSuchResource, VersionMismatch, MassChange
    """
    stream = log.group(command.cause.realm, command.group_id)
    with guarded(command.cause, log), log.transaction(command.cause) as work:
        parents = work.groups_of(command.group_id)
        heads = work.lock(written=[command.group_id, *parents])
        if work.groups_of(command.group_id) != parents:
            raise VersionConflict(command.group_id)  # it joined another before the lock
        head = living(heads.get(command.group_id), GROUP.name, command.group_id)
        check_precondition(command.precondition, head.entity_tag)
        same_version(stream, head)
        count_departure(command.cause, work, GROUP.name, command.group_id, deleted=True)
        if work.unique_group_names:
            work.claims.release(DISPLAY_NAME, stream.state.name_key)
        work.members.disband(command.group_id)
        work.members.leave_all(command.group_id)
        work.append(command.group_id, GROUP.name, stream.state.delete())
        leave(work, parents, command.group_id)
    return Written(command.group_id)


def _apply(
    work: Transaction, group_id: str, wanted: MemberDelta, heads: Mapping[str, Head]
) -> tuple[Sequence[GroupEvent], Sequence[Warned]]:
    """Change the member rows; return the events of what really changed, and the warnings.

    Unknown and foreign ids are skipped with one warning and the same answer (ABUSE C4).
    """
    if not wanted:
        return [], []
    known, warnings = known_members(wanted.wanted, heads)
    left = wanted.remove
    if wanted.replace is not None:
        left = work.members.of_group(group_id) - known.keys()
    removed = work.members.remove(group_id, left) if left else []
    added = work.members.add(group_id, known) if known else []
    return membership_events(added, removed), warnings


def known_members(
    wanted: Collection[str], heads: Mapping[str, Head]
) -> tuple[Mapping[str, str], Sequence[Warned]]:
    """Return those that may be members (id to resource type), and a warning where some may not."""
    known = {
        member: heads[member].type
        for member in wanted
        if member in heads
        and not heads[member].deleted
        and heads[member].type in (USER.name, GROUP.name)
    }
    return known, [Warned("unknown-member", "members")] if len(known) < len(wanted) else []


def _rename(work: Transaction, before: Group, after: Group, group_id: str) -> None:
    if after.name_key != before.name_key and work.unique_group_names:
        work.claims.release(DISPLAY_NAME, before.name_key)
        take_name(work, after, group_id)


def take_name(work: Transaction, group: Group, group_id: str) -> None:
    """Claim the ``displayName`` of a group, where it is unique. Raises :class:`GroupNameTaken`."""
    if not work.unique_group_names:
        return
    owner = work.claims.take(DISPLAY_NAME, group.name_key, group_id)
    if owner is not None:
        raise GroupNameTaken(str(group.document["displayName"]), owner)
