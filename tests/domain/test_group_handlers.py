"""Handlers of the commands on groups, over the in-memory log."""

import pytest

from domain.cause import Warned
from domain.commands import CreateGroup, DeleteGroup, PatchGroup, ReplaceGroup
from domain.document import Change
from domain.events import entity_tag
from domain.group import Group
from domain.handlers.groups import create_group, delete_group, patch_group, replace_group
from domain.patching import AttributeOperation, MemberDelta
from domain.realm import Realm
from domain.refusals import GroupNameTaken, InvalidValue, NoSuchResource, VersionMismatch
from domain.user import User
from tests.domain.scenario import CAUSE, OTHER_REALM, REALM, History, history, stream
from tests.fakes import Knows

ANN, BOB, STAFF, BOARD, FOREIGN, GONE = (stream(number) for number in range(1, 7))
FIRST = "00000000-0000-0000-0000-000000000001"
SAYS = {"displayName": "Staff"}
NOBODY = MemberDelta()
UNKNOWN = Warned("unknown-member", "members")


def house() -> History:
    """Two users, a group with the first of them, a foreign and a deleted user."""
    return (
        history()
        .given(ANN, User.Created({"userName": "Ann"}))
        .given(BOB, User.Created({"userName": "Bob"}))
        .given(GONE, User.Created({"userName": "Gone"}), User.Deleted())
        .given(FOREIGN, User.Created({"userName": "Ann"}), realm=OTHER_REALM)
        .given(STAFF, Group.Created(SAYS), Group.MembersAdded((ANN,)))
    )


def add(*ids: str) -> MemberDelta:
    return NOBODY.adding(ids)


def patch(members: MemberDelta, *operations: AttributeOperation) -> PatchGroup:
    return PatchGroup(CAUSE, STAFF, operations, members)


def test_a_group_is_created_with_its_members() -> None:
    done = house().when(create_group, CreateGroup(CAUSE, {"displayName": "New"}, add(BOB, ANN)))
    done.then(
        (FIRST, Group.Created({"displayName": "New"})), (FIRST, Group.MembersAdded((ANN, BOB)))
    )


def test_the_name_of_a_group_is_unique_and_the_refusal_names_its_owner() -> None:
    command = CreateGroup(CAUSE, {"displayName": "STAFF"}, NOBODY)
    house().when(create_group, command).refused(GroupNameTaken, saying=STAFF)


def test_a_realm_may_allow_groups_of_one_name() -> None:
    before = history().given(REALM, Realm.Registered("acme", unique_group_names=False))
    before.given(STAFF, Group.Created(SAYS))
    done = before.when(create_group, CreateGroup(CAUSE, SAYS, NOBODY))
    done.then((FIRST, Group.Created(SAYS)))
    rename = AttributeOperation("replace", "displayName", "Board")
    done.when(patch_group, PatchGroup(CAUSE, FIRST, [rename], NOBODY))
    done.then((FIRST, Group.Renamed({"displayName": Change("Staff", "Board")})))
    done.when(delete_group, DeleteGroup(CAUSE, STAFF)).then((STAFF, Group.Deleted()))


def test_adding_a_member_twice_records_nothing() -> None:
    house().when(patch_group, patch(add(ANN))).then()


def test_adding_members_records_the_real_delta() -> None:
    house().when(patch_group, patch(add(ANN, BOB))).then((STAFF, Group.MembersAdded((BOB,))))


def test_removing_who_is_no_member_records_nothing() -> None:
    house().when(patch_group, patch(NOBODY.removing([BOB, "nobody"]))).then()


def test_removing_a_member_records_it() -> None:
    done = house().when(patch_group, patch(NOBODY.removing([ANN, BOB])))
    done.then((STAFF, Group.MembersRemoved((ANN,))))


def test_replacing_the_members_records_who_left_and_who_joined() -> None:
    done = house().when(patch_group, patch(MemberDelta.replacing([BOB])))
    done.then((STAFF, Group.MembersRemoved((ANN,))), (STAFF, Group.MembersAdded((BOB,))))


def test_replacing_the_members_with_themselves_records_nothing() -> None:
    house().when(patch_group, patch(MemberDelta.replacing([ANN]))).then()


@pytest.mark.parametrize("stranger", [FOREIGN, GONE, "no-id", REALM])
def test_c4_an_unknown_member_is_skipped_and_the_known_ones_join(stranger: str) -> None:
    before = house().given(REALM, Realm.Registered("acme", unique_group_names=True))
    done = before.when(patch_group, patch(add(stranger, BOB)))
    done.then((STAFF, Group.MembersAdded((BOB,)))).warned(UNKNOWN)


def test_a_group_may_be_a_member() -> None:
    before = house().given(BOARD, Group.Created({"displayName": "Board"}))
    before.when(patch_group, patch(add(BOARD))).then((STAFF, Group.MembersAdded((BOARD,))))


def test_g14_a_group_cannot_be_a_member_of_itself() -> None:
    house().when(patch_group, patch(add(STAFF))).refused(InvalidValue, saying="itself")
    put = ReplaceGroup(CAUSE, STAFF, SAYS, MemberDelta.replacing([STAFF]))
    house().when(replace_group, put).refused(InvalidValue, saying="itself")


def test_putting_a_group_without_members_leaves_them() -> None:
    house().when(replace_group, ReplaceGroup(CAUSE, STAFF, SAYS, NOBODY)).then()


def test_putting_a_group_with_no_members_empties_it() -> None:
    put = ReplaceGroup(CAUSE, STAFF, {"displayName": "All"}, MemberDelta.replacing([]))
    house().when(replace_group, put).then(
        (STAFF, Group.Renamed({"displayName": Change("Staff", "All")})),
        (STAFF, Group.MembersRemoved((ANN,))),
    )


def test_a_rename_and_a_new_member_are_recorded_together() -> None:
    rename = AttributeOperation("replace", "displayName", "All")
    house().when(patch_group, patch(add(BOB), rename)).then(
        (STAFF, Group.Renamed({"displayName": Change("Staff", "All")})),
        (STAFF, Group.MembersAdded((BOB,))),
    )


def test_a_refused_rename_adds_no_member() -> None:
    before = house().given(BOARD, Group.Created({"displayName": "Board"}))
    rename = AttributeOperation("replace", "displayName", "board")
    before.when(patch_group, patch(add(BOB), rename)).refused(GroupNameTaken, saying=BOARD)


def test_an_external_id_that_another_group_has_is_accepted_with_a_warning() -> None:
    before = house().given(BOARD, Group.Created({"displayName": "Board", "externalId": "1"}))
    done = before.when(patch_group, patch(NOBODY, AttributeOperation("add", "externalId", "1")))
    done.warned(Warned("shared-external-id", "externalId"))


def test_deleting_a_group_ends_its_memberships_in_others() -> None:
    before = house().given(
        BOARD, Group.Created({"displayName": "Board"}), Group.MembersAdded((BOB, STAFF))
    )
    before.when(delete_group, DeleteGroup(CAUSE, STAFF)).then(
        (STAFF, Group.Deleted()), (BOARD, Group.MembersRemoved((STAFF,)))
    )


def test_the_name_of_a_deleted_group_is_free() -> None:
    done = house().when(delete_group, DeleteGroup(CAUSE, STAFF))
    done.when(create_group, CreateGroup(CAUSE, SAYS, NOBODY)).then((FIRST, Group.Created(SAYS)))


@pytest.mark.parametrize("group_id", [ANN, GONE, BOARD])
def test_what_is_no_group_of_the_realm_does_not_exist(group_id: str) -> None:
    before = house().given(BOARD, Group.Created({"displayName": "x"}), realm=OTHER_REALM)
    before.when(delete_group, DeleteGroup(CAUSE, group_id)).refused(NoSuchResource)
    command = PatchGroup(CAUSE, group_id, [], add(BOB))
    before.when(patch_group, command).refused(NoSuchResource)
    before.when(replace_group, ReplaceGroup(CAUSE, group_id, SAYS, NOBODY)).refused(NoSuchResource)


def test_a_client_that_knows_another_version_is_refused() -> None:
    stale = Knows(entity_tag(1, "0" * 8))
    command = PatchGroup(CAUSE, STAFF, [], add(BOB), precondition=stale)
    house().when(patch_group, command).refused(VersionMismatch)
    house().when(
        replace_group, ReplaceGroup(CAUSE, STAFF, SAYS, NOBODY, precondition=stale)
    ).refused(VersionMismatch)
    house().when(delete_group, DeleteGroup(CAUSE, STAFF, stale)).refused(VersionMismatch)


def test_member_events_count_for_the_version_a_client_knows() -> None:
    current = Knows(entity_tag(2, "0" * 8))
    command = PatchGroup(CAUSE, STAFF, [], add(BOB), precondition=current)
    house().when(patch_group, command).then((STAFF, Group.MembersAdded((BOB,))))
