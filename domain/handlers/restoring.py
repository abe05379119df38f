"""Handlers that bring back what was deleted, under its old id.

What a resource said and where it was a member is read from the past beforehand. A resource that was
written since is read and decided again (ADR 0003).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.cause import Warned
from domain.commands import RestoreGroup, RestoreUser
from domain.events import Stream
from domain.group import Group, membership_events
from domain.handlers import groups, users
from domain.handlers.streams import check_precondition, doubts_about, same_version
from domain.ports import Head, Log, Precondition, Transaction, Written
from domain.refusals import NoSuchResource
from domain.schemas import GROUP, USER
from domain.user import User

GONE = Warned("group-is-gone", "groups")
"""A membership that did not come back: its group does not exist any more."""


def restore_user(command: RestoreUser, log: Log) -> Written:
    """Bring a user back, and into the groups it was in as far as they exist.

    Raises:
        NoSuchResource, NotDeleted, VersionMismatch
        UserNameTaken: another user has the name by now, be it inactive.
    """
    user_id = str(command.stream.id)
    restored = command.stream.state.restore(command.document, command.created_at)
    with log.transaction(command.cause) as work:
        head = work.lock(written=[user_id]).get(user_id)
        _check(command.stream, head, USER.name, command.precondition)
        joined = _living_groups(command.groups, work.lock(written=command.groups))
        users.take_name(work, User(command.document), user_id)
        rejoined = work.members.join_all(joined, user_id, USER.name)
        warnings = [
            *([GONE] if len(joined) < len(command.groups) else []),
            *doubts_about(work, USER.name, command.document, user_id)(),
        ]
        work.append(user_id, USER.name, restored, warnings=warnings)
        _rejoin(work, rejoined, user_id)
    return Written(user_id, warnings=warnings)


def restore_group(command: RestoreGroup, log: Log) -> Written:
    """Bring a group back with the members it had, as far as they exist, and into its groups.

    Raises:
        NoSuchResource, NotDeleted, VersionMismatch
        GroupNameTaken: another group has the name by now.
    """
    group_id = str(command.stream.id)
    restored = command.stream.state.restore(command.document, command.created_at)
    with log.transaction(command.cause) as work:
        heads = work.lock(written=[group_id, *command.groups], referred=command.members)
        _check(command.stream, heads.get(group_id), GROUP.name, command.precondition)
        joined = _living_groups(command.groups, heads)
        groups.take_name(work, Group(command.document), group_id)
        members, missing = groups.known_members(command.members, heads)
        added = work.members.add(group_id, members)
        rejoined = work.members.join_all(joined, group_id, GROUP.name)
        warnings = [
            *missing,
            *([GONE] if len(joined) < len(command.groups) else []),
            *doubts_about(work, GROUP.name, command.document, group_id)(),
        ]
        work.append(group_id, GROUP.name, restored, warnings=warnings)
        _rejoin(work, rejoined, group_id)
        returned = membership_events(added, ())
        work.append(group_id, GROUP.name, returned, caused_by=group_id)
    return Written(group_id, warnings=warnings)


def _check(
    stream: Stream[Any], head: Head | None, resource_type: str, precondition: Precondition | None
) -> None:
    """Check that the resource is still deleted as it was seen."""
    if head is None or head.type != resource_type:
        raise NoSuchResource(resource_type, str(stream.id))
    check_precondition(precondition, head.entity_tag)
    same_version(stream, head)


def _living_groups(wanted: Sequence[str], heads: Mapping[str, Head]) -> Sequence[str]:
    """Return the groups that exist, sorted."""
    return sorted(
        id_
        for id_ in wanted
        if id_ in heads and heads[id_].type == GROUP.name and not heads[id_].deleted
    )


def _rejoin(work: Transaction, joined: Sequence[str], member_id: str) -> None:
    for group_id in joined:
        work.append(group_id, GROUP.name, [Group.MembersAdded((member_id,))], caused_by=member_id)
