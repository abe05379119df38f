"""Handlers of the commands on users, over the in-memory log."""

from dataclasses import replace

import pytest

from domain.cause import Warned
from domain.commands import CreateUser, DeleteUser, PatchUser, ReplaceUser
from domain.document import Change
from domain.events import entity_tag
from domain.group import Group
from domain.handlers.users import create_user, delete_user, patch_user, replace_user
from domain.patching import AttributeOperation
from domain.refusals import InvalidValue, NoSuchResource, UserNameTaken, VersionMismatch
from domain.user import User
from tests.domain.scenario import CAUSE, OTHER_REALM, REALM, History, history, stream
from tests.fakes import Knows

ANN, BOB, STAFF, BOARD = stream(1), stream(2), stream(3), stream(4)
FIRST = "00000000-0000-0000-0000-000000000001"
ANN_SAYS = {"userName": "Ann", "active": True}
CURRENT = Knows(entity_tag(1, "0" * 8))
STALE = Knows(entity_tag(1, "f" * 8))


def with_ann() -> History:
    return history().given(ANN, User.Created(ANN_SAYS))


def rename(to: str) -> list[AttributeOperation]:
    return [AttributeOperation("replace", "userName", to)]


def test_a_user_is_created_with_a_new_id() -> None:
    done = history().when(create_user, CreateUser(CAUSE, {"userName": "Ann"}))
    done.then((FIRST, User.Created(ANN_SAYS)))
    assert done.new[0].cause == CAUSE


@pytest.mark.parametrize("name", ["Ann", "ANN", "ann", "\uff21nn"])
def test_g8_a_name_that_is_taken_is_never_adopted(name: str) -> None:
    with_ann().when(create_user, CreateUser(CAUSE, {"userName": name})).refused(
        UserNameTaken, saying=name
    )


def test_a_deactivated_user_keeps_its_name() -> None:
    off = User.Deactivated({"active": Change(True, False)})
    done = with_ann().given(ANN, off).when(create_user, CreateUser(CAUSE, {"userName": "ann"}))
    done.refused(UserNameTaken, saying="deactivated")


def test_g12_the_name_of_a_deleted_user_is_free_and_its_id_is_not_used_again() -> None:
    done = with_ann().given(ANN, User.Deleted())
    done.when(create_user, CreateUser(CAUSE, {"userName": "ann"}))
    done.then((FIRST, User.Created({"userName": "ann", "active": True})))


def test_c3_the_same_name_in_another_realm_stands_against_nothing() -> None:
    other = history().given(ANN, User.Created(ANN_SAYS), realm=OTHER_REALM)
    other.when(create_user, CreateUser(CAUSE, ANN_SAYS)).then((FIRST, User.Created(ANN_SAYS)))


def test_g5_an_external_id_that_another_user_has_is_accepted_with_a_warning() -> None:
    before = history().given(ANN, User.Created({**ANN_SAYS, "externalId": "1"}))
    says = {"userName": "Bob", "externalId": "1", "active": True}
    done = before.when(create_user, CreateUser(CAUSE, says))
    done.then((FIRST, User.Created(says))).warned(Warned("shared-external-id", "externalId"))


def test_what_a_request_warned_of_is_recorded_with_its_events() -> None:
    warned = Warned("unknown-attribute", "x")
    done = history().when(create_user, CreateUser(CAUSE, ANN_SAYS, [warned]))
    done.warned(warned)


@pytest.mark.parametrize("document", [{}, {"userName": "a", "emails": "x"}])
def test_a_document_that_does_not_fit_is_refused(document: dict[str, object]) -> None:
    history().when(create_user, CreateUser(CAUSE, document)).refused(InvalidValue)
    with_ann().when(replace_user, ReplaceUser(CAUSE, ANN, document)).refused(InvalidValue)


def test_putting_a_document_replaces_what_it_does_not_mention() -> None:
    before = history().given(ANN, User.Created({**ANN_SAYS, "title": "Dr"}))
    done = before.when(replace_user, ReplaceUser(CAUSE, ANN, ANN_SAYS))
    done.then((ANN, User.AttributesChanged({"title": Change("Dr", None)})))


def test_putting_a_document_without_active_leaves_it_as_it_is() -> None:
    before = history().given(ANN, User.Created({"userName": "Ann", "active": False}))
    before.when(replace_user, ReplaceUser(CAUSE, ANN, {"userName": "Ann"})).then()


def test_a_rename_frees_the_old_name_and_takes_the_new_one() -> None:
    done = with_ann().when(patch_user, PatchUser(CAUSE, ANN, rename("Bob")))
    done.then((ANN, User.Renamed({"userName": Change("Ann", "Bob")})))
    done.when(create_user, CreateUser(CAUSE, ANN_SAYS)).then((FIRST, User.Created(ANN_SAYS)))


def test_h3_a_rename_to_a_taken_name_is_refused() -> None:
    both = with_ann().given(BOB, User.Created({"userName": "Bob"}))
    both.when(patch_user, PatchUser(CAUSE, BOB, rename("ANN"))).refused(UserNameTaken)


def test_a_rename_that_only_changes_the_case_is_allowed() -> None:
    done = with_ann().when(patch_user, PatchUser(CAUSE, ANN, rename("ANN")))
    done.then((ANN, User.Renamed({"userName": Change("Ann", "ANN")})))


def test_a_patch_that_changes_nothing_records_nothing() -> None:
    with_ann().when(patch_user, PatchUser(CAUSE, ANN, rename("Ann"))).then()
    with_ann().when(replace_user, ReplaceUser(CAUSE, ANN, ANN_SAYS)).then()


def test_deleting_a_user_ends_its_memberships_and_says_why() -> None:
    before = with_ann()
    for group in (STAFF, BOARD):
        before.given(group, Group.Created({"displayName": group}), Group.MembersAdded((ANN,)))
    done = before.when(delete_user, DeleteUser(CAUSE, ANN))
    left = Group.MembersRemoved((ANN,))
    done.then((ANN, User.Deleted()), (STAFF, left), (BOARD, left))
    assert [r.cause.causation_id for r in done.new] == [None, f"{ANN}@2", f"{ANN}@2"]


@pytest.mark.parametrize("user_id", [BOB, STAFF])
def test_what_is_no_user_of_the_realm_does_not_exist(user_id: str) -> None:
    before = with_ann().given(BOB, User.Created({"userName": "b"}), realm=OTHER_REALM)
    before.given(STAFF, Group.Created({"displayName": "Staff"}))
    before.when(delete_user, DeleteUser(CAUSE, user_id)).refused(NoSuchResource)
    before.when(patch_user, PatchUser(CAUSE, user_id, [])).refused(NoSuchResource)
    before.when(replace_user, ReplaceUser(CAUSE, user_id, ANN_SAYS)).refused(NoSuchResource)


def test_a_deleted_user_does_not_exist() -> None:
    before = with_ann().given(ANN, User.Deleted())
    before.when(delete_user, DeleteUser(CAUSE, ANN)).refused(NoSuchResource)
    before.when(patch_user, PatchUser(CAUSE, ANN, rename("x"))).refused(NoSuchResource)


def test_h6_a_client_that_knows_another_version_is_refused() -> None:
    with_ann().when(patch_user, PatchUser(CAUSE, ANN, rename("x"), precondition=STALE)).refused(
        VersionMismatch, saying='W/"1-'
    )
    with_ann().when(replace_user, ReplaceUser(CAUSE, ANN, ANN_SAYS, precondition=STALE)).refused(
        VersionMismatch
    )
    with_ann().when(delete_user, DeleteUser(CAUSE, ANN, STALE)).refused(VersionMismatch)


def test_a_client_that_knows_the_present_version_may_write() -> None:
    with_ann().when(patch_user, PatchUser(CAUSE, ANN, rename("x"), precondition=CURRENT)).then(
        (ANN, User.Renamed({"userName": Change("Ann", "x")}))
    )
    with_ann().when(delete_user, DeleteUser(CAUSE, ANN, CURRENT)).then((ANN, User.Deleted()))


def test_the_realm_of_the_cause_is_the_realm_of_the_write() -> None:
    done = with_ann().when(create_user, CreateUser(replace(CAUSE, realm=OTHER_REALM), ANN_SAYS))
    assert [r.cause.realm for r in done.new] == [OTHER_REALM]
    assert done.log.user(REALM, ANN).state == User(ANN_SAYS)
