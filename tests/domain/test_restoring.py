"""Handlers that bring back what was deleted, over the in-memory log."""

from collections.abc import Sequence

import pytest

from domain.cause import Warned
from domain.commands import RestoreGroup, RestoreUser, RevertGroup, RevertUser
from domain.document import Change
from domain.events import entity_tag
from domain.group import Group
from domain.handlers.groups import revert_group
from domain.handlers.restoring import restore_group, restore_user
from domain.handlers.users import revert_user
from domain.patching import MemberDelta
from domain.refusals import (
    GroupNameTaken,
    NotDeleted,
    UserNameTaken,
    VersionConflict,
    VersionMismatch,
)
from domain.user import User
from tests.domain.scenario import CAUSE, REALM, History, history, stream
from tests.fakes import Knows

ANN, BOB, STAFF, BOARD, TEAM = (stream(number) for number in range(1, 6))
SAYS = {"userName": "Ann", "active": True, "title": "Dr"}
LEFT, JOINED = Group.MembersRemoved((ANN,)), Group.MembersAdded((ANN,))


def gone() -> History:
    """Ann was in two groups and is deleted."""
    before = history().given(ANN, User.Created(SAYS))
    for group in (STAFF, BOARD):
        before.given(group, Group.Created({"displayName": group}), JOINED)
    before.given(ANN, User.Deleted())
    return before.given(STAFF, LEFT).given(BOARD, LEFT)


def bring_ann(before: History, groups: Sequence[str] = (STAFF, BOARD), **options: Knows) -> History:
    seen = before.log.stream(REALM, ANN)
    return before.when(restore_user, RestoreUser(CAUSE, seen, SAYS, 7, groups, **options))


def test_a_user_comes_back_under_its_old_id_and_into_its_groups() -> None:
    done = bring_ann(gone())
    done.then((ANN, User.Restored(SAYS, 7)), (STAFF, JOINED), (BOARD, JOINED)).warned()
    assert [r.cause.causation_id for r in done.new] == [None, f"{ANN}@3", f"{ANN}@3"]
    assert {r.cause.correlation_id for r in done.new} == {CAUSE.correlation_id}


def test_a_group_that_is_gone_is_left_out_with_a_warning() -> None:
    done = bring_ann(gone().given(BOARD, Group.Deleted()))
    done.then((ANN, User.Restored(SAYS, 7)), (STAFF, JOINED))
    done.warned(Warned("group-is-gone", "groups"))


@pytest.mark.parametrize("name", ["Ann", "ANN"])
def test_a_name_that_was_taken_meanwhile_is_refused_by_name(name: str) -> None:
    before = gone().given(BOB, User.Created({"userName": name, "active": False}))
    bring_ann(before).refused(UserNameTaken, saying='userName "Ann"')


def test_what_is_not_deleted_does_not_come_back() -> None:
    bring_ann(history().given(ANN, User.Created(SAYS)), ()).refused(NotDeleted)


def test_a_user_that_was_written_since_it_was_seen_is_decided_again() -> None:
    before = gone()
    seen = before.log.stream(REALM, ANN)
    before.given(ANN, User.Restored(SAYS, 1), User.Deleted())
    with pytest.raises(VersionConflict):
        before.when(restore_user, RestoreUser(CAUSE, seen, SAYS, 7, ()))


def test_a_client_that_knows_another_version_is_refused() -> None:
    bring_ann(gone(), precondition=Knows(entity_tag(1, "0" * 8))).refused(VersionMismatch)
    bring_ann(gone(), (), precondition=Knows(entity_tag(2, "0" * 8))).then(
        (ANN, User.Restored(SAYS, 7))
    )


def test_an_external_id_that_another_user_has_by_now_is_accepted_with_a_warning() -> None:
    says = {**SAYS, "externalId": "1"}
    before = history().given(ANN, User.Created(says), User.Deleted())
    before.given(BOB, User.Created({"userName": "Bob", "externalId": "1"}))
    command = RestoreUser(CAUSE, before.log.stream(REALM, ANN), says, 7, ())
    done = before.when(restore_user, command).then((ANN, User.Restored(says, 7)))
    done.warned(Warned("shared-external-id", "externalId"))


def team() -> History:
    """A team had Ann, Bob and a group, and was in two groups itself; it and Bob are deleted."""
    before = history().given(ANN, User.Created(SAYS)).given(BOB, User.Created({"userName": "B"}))
    for group in (STAFF, BOARD):
        before.given(group, Group.Created({"displayName": group}))
    before.given(TEAM, Group.Created({"displayName": "Team"}))
    before.given(TEAM, Group.MembersAdded((ANN, BOB, STAFF)))
    before.given(BOARD, Group.MembersAdded((TEAM,)))
    before.given(TEAM, Group.Deleted()).given(BOARD, Group.MembersRemoved((TEAM,)))
    return before.given(BOB, User.Deleted())


def bring_team(before: History) -> History:
    seen = before.log.stream(REALM, TEAM)
    said = (CAUSE, seen, {"displayName": "Team"}, 7)
    return before.when(restore_group, RestoreGroup(*said, (ANN, BOB, STAFF), (BOARD,)))


def test_a_group_comes_back_with_the_members_that_still_exist_and_into_its_groups() -> None:
    done = bring_team(team())
    done.then(
        (TEAM, Group.Restored({"displayName": "Team"}, 7)),
        (BOARD, Group.MembersAdded((TEAM,))),
        (TEAM, Group.MembersAdded((ANN, STAFF))),
    ).warned(Warned("unknown-member", "members"))
    assert [r.cause.causation_id for r in done.new] == [None, f"{TEAM}@4", f"{TEAM}@4"]


def test_a_display_name_that_was_taken_meanwhile_is_refused_by_name_and_owner() -> None:
    other = stream(9)
    done = bring_team(team().given(other, Group.Created({"displayName": "TEAM"})))
    done.refused(GroupNameTaken, saying=other)
    assert '"Team"' in str(done.refusal)


def test_a_living_user_says_again_what_it_said() -> None:
    now = {"userName": "Anna", "active": False, "nickName": "A"}
    before = history().given(ANN, User.Created(now))
    before.when(revert_user, RevertUser(CAUSE, ANN, SAYS)).then(
        (ANN, User.Renamed({"userName": Change("Anna", "Ann")})),
        (ANN, User.Activated({"active": Change(False, True)})),
        (ANN, User.AttributesChanged({"nickName": Change("A", None), "title": Change(None, "Dr")})),
    )


def test_a_user_that_says_so_already_records_nothing() -> None:
    before = history().given(ANN, User.Created(SAYS))
    before.when(revert_user, RevertUser(CAUSE, ANN, SAYS)).then()


def test_a_name_that_was_given_up_and_taken_is_not_put_back() -> None:
    before = history().given(ANN, User.Created({"userName": "Anna"}))
    before.given(BOB, User.Created({"userName": "ann"}))
    before.when(revert_user, RevertUser(CAUSE, ANN, SAYS)).refused(UserNameTaken, saying="Ann")


def test_the_members_of_a_living_group_stay_unless_they_are_named() -> None:
    def before() -> History:
        made = history().given(ANN, User.Created(SAYS)).given(BOB, User.Created({"userName": "B"}))
        return made.given(STAFF, Group.Created({"displayName": "New"}), JOINED)

    renamed = Group.Renamed({"displayName": Change("New", "Old")})
    said = {"displayName": "Old"}
    before().when(revert_group, RevertGroup(CAUSE, STAFF, said, MemberDelta())).then(
        (STAFF, renamed)
    )
    wanted = MemberDelta.replacing([BOB])
    before().when(revert_group, RevertGroup(CAUSE, STAFF, said, wanted)).then(
        (STAFF, renamed), (STAFF, LEFT), (STAFF, Group.MembersAdded((BOB,)))
    )
