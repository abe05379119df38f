"""The Group aggregate: thin (ADR 0005)."""

import pytest

from domain.document import Change
from domain.events import MEMBERS_PER_EVENT
from domain.group import Group, membership_events
from domain.refusals import InvalidValue, NotDeleted
from tests.domain.scenario import given

STAFF = {"displayName": "Staff"}


def test_creating_a_group_records_its_document() -> None:
    given().when(lambda _: Group.create(STAFF)).then(Group.Created(STAFF))


@pytest.mark.parametrize("document", [{}, {"displayName": ""}, {"displayName": "  "}])
def test_a_group_needs_a_display_name(document: dict[str, str]) -> None:
    given().when(lambda _: Group.create(document)).refused(InvalidValue, saying="displayName")


def test_a_display_name_with_invisible_characters_is_refused() -> None:
    name = {"displayName": "St\u200daff"}
    given().when(lambda _: Group.create(name)).refused(InvalidValue, saying="JOINER")
    given(Group.Created(STAFF)).when(lambda group: group.change(name)).refused(InvalidValue)


def test_a_display_name_may_hold_spaces() -> None:
    given().when(lambda _: Group.create({"displayName": " A B "})).then(
        Group.Created({"displayName": " A B "})
    )


def test_a_rename_and_another_change_are_two_events() -> None:
    after = {"displayName": "All staff", "externalId": "x"}
    given(Group.Created(STAFF)).when(lambda group: group.change(after)).then(
        Group.Renamed({"displayName": Change("Staff", "All staff")}),
        Group.AttributesChanged({"externalId": Change(None, "x")}),
    )


def test_saying_the_same_again_records_nothing() -> None:
    given(Group.Created(STAFF)).when(lambda group: group.change(dict(STAFF))).then()


def test_member_events_leave_the_state_alone() -> None:
    before = given(Group.Created(STAFF)).state
    assert Group.evolve(before, Group.MembersAdded(("a",))) is before
    assert Group.evolve(before, Group.MembersRemoved(("a",))) is before


def test_removals_are_recorded_before_additions() -> None:
    assert membership_events(["b"], ["a"]) == [
        Group.MembersRemoved(("a",)),
        Group.MembersAdded(("b",)),
    ]


@pytest.mark.parametrize(("count", "pieces"), [(0, 0), (1, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_a_delta_is_cut_into_events_of_at_most_a_thousand_ids(count: int, pieces: int) -> None:
    ids = [f"{number:04}" for number in range(count)]
    events = membership_events(ids, [])
    assert len(events) == pieces
    assert all(isinstance(e, Group.MembersAdded) for e in events)
    recorded = [m for e in events if isinstance(e, Group.MembersAdded) for m in e.members]
    assert recorded == ids
    assert all(
        len(e.members) <= MEMBERS_PER_EVENT for e in events if isinstance(e, Group.MembersAdded)
    )


def test_only_a_deleted_group_comes_back() -> None:
    gone = given(Group.Created(STAFF), Group.Deleted())
    gone.when(lambda group: group.restore(STAFF, 7)).then(Group.Restored(STAFF, 7))
    there = given(Group.Created(STAFF))
    there.when(lambda group: group.restore(STAFF, 7)).refused(NotDeleted, saying="not deleted")


def test_a_deleted_group_can_be_restored_without_members() -> None:
    assert given(Group.Created(STAFF), Group.Deleted()).state.deleted
    assert given(Group.Created(STAFF), Group.Deleted(), Group.Restored(STAFF, 1)).state == Group(
        STAFF
    )


def test_a_stream_that_does_not_begin_with_its_creation_is_refused() -> None:
    with pytest.raises(ValueError, match=r"group\.created"):
        Group.evolve(None, Group.Deleted())
