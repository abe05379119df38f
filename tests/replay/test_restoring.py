"""Undo on both engines: the same id, the same memberships, and one history (issue 4)."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from domain.commands import CreateUser, DeleteGroup, DeleteUser, PatchGroup, PatchUser
from domain.events import RecordedEvent
from domain.group import Group
from domain.handlers.groups import delete_group, patch_group
from domain.handlers.users import create_user, delete_user, patch_user
from domain.patching import AttributeOperation, MemberDelta
from domain.ports import Written
from domain.refusals import (
    GroupNameTaken,
    InvalidValue,
    NoSuchResource,
    NotDeleted,
    UserNameTaken,
)
from domain.schemas import GROUP, USER, ResourceSchema
from domain.user import User
from projections.tables import members
from replay.as_of import AsOf, NotThen
from replay.moments import Moment, moment_at
from replay.refill import refill
from replay.restoring import restore
from tests.derived import beside
from tests.engines import Engine
from tests.houses import House, opened_house
from tests.projections.commands import new_group, new_user


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    with opened_house(engine, slugs=("acme", "other")) as opened:
        yield opened


def bring(
    house: House, schema: ResourceSchema, id_: str, slug: str = "acme", **options: Any
) -> Written:
    return restore(house.log, schema, house.cause(slug, correlation="d" * 32), id_, **options)


def remove(house: House, schema: ResourceSchema, id_: str) -> None:
    if schema is USER:
        house.log.handle(delete_user, DeleteUser(house.cause(), id_))
    else:
        house.log.handle(delete_group, DeleteGroup(house.cause(), id_))


def say(house: House, id_: str, path: str, value: Any) -> None:
    operation = AttributeOperation("replace", path, value)
    house.log.handle(patch_user, PatchUser(house.cause(), id_, [operation]))


def change_members(house: House, id_: str, delta: MemberDelta) -> None:
    house.log.handle(patch_group, PatchGroup(house.cause(), id_, [], delta))


def now(house: House) -> Moment:
    return moment_at(house.database, house.events()[-1].recorded_at)


def own(house: House, id_: str) -> list[RecordedEvent[Any]]:
    return [r for r in house.events() if r.stream_id == id_]


def memberships(house: House) -> set[tuple[str, str]]:
    return {(row[1], row[2]) for row in house.rows()[members.name]}


def check(house: House) -> None:
    """Fail unless what stands beside the log and the read models are what the log says."""
    live, said = house.rows(), beside(house.events())
    assert {row[:3]: row[3] for row in live["claims"]} == said.claims
    joined = {(group, member) for (_, group), ids in said.members.items() for member in ids}
    assert memberships(house) == joined
    refill(house.database, house.log.registry, house.log.events, batch=3)
    assert house.rows() == live


def test_a_user_comes_back_with_its_id_its_creation_and_its_memberships(house: House) -> None:
    ann, bob = new_user(house, "ann"), new_user(house, "bob")
    staff, board, gone = (new_group(house, name, [ann, bob]) for name in ("Staff", "Board", "Gone"))
    left = new_group(house, "Left", [ann])
    change_members(house, left, MemberDelta().removing([ann]))
    before = AsOf(house.log, house.realms["acme"]).resource_at(USER, ann, now(house), derived=True)
    remove(house, USER, ann)
    remove(house, GROUP, gone)
    written = bring(house, USER, ann)
    assert (written.id, [w.code for w in written.warnings]) == (ann, ["group-is-gone"])
    after = AsOf(house.log, house.realms["acme"]).resource_at(USER, ann, now(house), derived=True)
    assert after.row.document == before.row.document
    assert after.row.version == 3
    created = before.row.meta.partition('"lastModified"')[0]
    assert after.row.meta.startswith(created), "meta.created is that of the first event"
    assert [r.id for r in after.references] == sorted([staff, board])
    assert {pair for pair in memberships(house) if pair[1] == ann} == {(staff, ann), (board, ann)}
    events = house.events()[-3:]
    assert [r.event.topic for r in events] == ["user.restored"] + ["group.members-added"] * 2
    assert [r.cause.causation_id for r in events] == [None, f"{ann}@3", f"{ann}@3"]
    assert {r.cause.correlation_id for r in events} == {"d" * 32}
    check(house)


def test_the_whole_coming_and_going_is_in_the_history(house: House) -> None:
    ann = new_user(house, "ann")
    staff = new_group(house, "Staff", [ann])
    for _ in range(2):
        remove(house, USER, ann)
        bring(house, USER, ann)
    topics = [r.event.topic for r in own(house, ann)]
    assert topics == ["user.created", *["user.deleted", "user.restored"] * 2]
    first, *rest = own(house, ann)
    for recorded in rest:
        if isinstance(recorded.event, User.Restored):
            assert recorded.event.created_at == first.recorded_at
    deltas = [type(r.event) for r in own(house, staff)[1:]]
    assert deltas == [Group.MembersAdded, *[Group.MembersRemoved, Group.MembersAdded] * 2]
    as_of = AsOf(house.log, house.realms["acme"])
    for number, recorded in enumerate(own(house, ann), 1):
        moment = moment_at(house.database, recorded.recorded_at)
        if isinstance(recorded.event, User.Deleted):
            with pytest.raises(NotThen, match="deleted at"):
                as_of.resource_in_version(USER, ann, number)
            assert as_of.members_at(staff, moment) == []
        elif number > 1:
            assert as_of.resource_in_version(USER, ann, number).row.version == number
            assert [span.id for span in as_of.members_at(staff, moment)] == [ann]
    check(house)


def test_a_group_comes_back_with_the_members_that_still_exist(house: House) -> None:
    people = [new_user(house, f"u{number}") for number in range(1_203)]
    inner, parent = new_group(house, "Inner"), new_group(house, "Parent")
    team = new_group(house, "Team", [*people, inner])
    change_members(house, parent, MemberDelta().adding([team]))
    remove(house, GROUP, team)
    remove(house, USER, people[0])
    with house.statements() as seen:
        written = bring(house, GROUP, team)
    assert len(seen) < 60, "set-based: a few statements, whatever the number of members"
    assert [w.code for w in written.warnings] == ["unknown-member"]
    found = {pair for pair in memberships(house) if team in pair}
    assert found == {(team, id_) for id_ in [*people[1:], inner]} | {(parent, team)}
    assert [r.event.topic for r in own(house, team)][-3:] == [
        "group.restored",
        *["group.members-added"] * 2,
    ]
    check(house)


def test_a_user_comes_back_into_many_groups_by_sets(house: House) -> None:
    counts = []
    for number, groups in enumerate((2, 60)):
        ann = new_user(house, f"ann{number}")
        for group in range(groups):
            new_group(house, f"group {number} {group}", [ann])
        remove(house, USER, ann)
        with house.statements() as seen:
            bring(house, USER, ann)
        counts.append(len([s for s in seen if not s.startswith("INSERT INTO events")]))
        assert len(memberships(house)) == (2, 62)[number]
    assert counts[0] == counts[1]


def test_a_name_that_was_taken_meanwhile_is_refused_and_nothing_is_left(house: House) -> None:
    ann, staff = new_user(house, "ann"), new_group(house, "Staff")
    remove(house, USER, ann)
    remove(house, GROUP, staff)
    new_user(house, "ANN")
    other = new_group(house, "STAFF")
    before = house.rows()
    with pytest.raises(UserNameTaken, match='"ann"'):
        bring(house, USER, ann)
    with pytest.raises(GroupNameTaken, match=f'"Staff" already belongs to group {other}'):
        bring(house, GROUP, staff)
    assert house.rows() == before


def test_only_what_the_realm_had_and_lost_comes_back(house: House) -> None:
    ann = new_user(house, "ann")
    with pytest.raises(NotDeleted, match="not deleted"):
        bring(house, USER, ann)
    remove(house, USER, ann)
    for schema, id_, slug in (
        (GROUP, ann, "acme"),
        (USER, ann, "other"),
        (USER, "x", "acme"),
        (USER, house.realms["acme"], "acme"),
    ):
        with pytest.raises(NoSuchResource):
            bring(house, schema, id_, slug)
    with pytest.raises(InvalidValue, match="a group's"):
        bring(house, USER, ann, members=True)
    assert bring(house, USER, ann).changed


def test_a_living_user_is_put_back_to_an_instant(house: House) -> None:
    ann = new_user(house, "ann")
    say(house, ann, "title", "Dr")
    then, said = now(house), house.log.user(house.realms["acme"], ann).state.document
    say(house, ann, "userName", "anna")
    say(house, ann, "active", False)
    say(house, ann, "nickName", "A")
    assert bring(house, USER, ann, to=then).changed
    stream = house.log.user(house.realms["acme"], ann)
    assert stream.state.document == said
    topics = [r.event.topic for r in own(house, ann)[5:]]
    assert topics == ["user.renamed", "user.activated", "user.attributes-changed"]
    assert not bring(house, USER, ann, to=then).changed
    say(house, ann, "userName", "anna")
    new_user(house, "Ann")
    with pytest.raises(UserNameTaken, match='"ann"'):
        bring(house, USER, ann, to=then)
    check(house)


def test_a_deleted_user_comes_back_as_it_was_at_an_instant(house: House) -> None:
    before = now(house)
    ann = new_user(house, "ann")
    staff, board = new_group(house, "Staff", [ann]), new_group(house, "Board")
    then = now(house)
    say(house, ann, "userName", "anna")
    change_members(house, staff, MemberDelta().removing([ann]))
    change_members(house, board, MemberDelta().adding([ann]))
    remove(house, USER, ann)
    gone = now(house)
    with pytest.raises(NotThen, match="created at"):
        bring(house, USER, ann, to=before)
    with pytest.raises(NotThen, match="deleted at"):
        bring(house, USER, ann, to=gone)
    bring(house, USER, ann, to=then)
    assert house.log.user(house.realms["acme"], ann).state.document["userName"] == "ann"
    assert memberships(house) == {(staff, ann)}
    check(house)


def test_members_of_a_living_group_are_put_back_only_when_asked_for(house: House) -> None:
    ann, bob, carl = (new_user(house, name) for name in ("ann", "bob", "carl"))
    staff = new_group(house, "Staff", [ann, bob])
    then = now(house)
    operation = AttributeOperation("replace", "displayName", "All staff")
    delta = MemberDelta().removing([ann]).adding([carl])
    house.log.handle(patch_group, PatchGroup(house.cause(), staff, [operation], delta))
    remove(house, USER, bob)
    bring(house, GROUP, staff, to=then)
    assert house.log.group(house.realms["acme"], staff).state.document == {"displayName": "Staff"}
    assert memberships(house) == {(staff, carl)}
    written = bring(house, GROUP, staff, to=then, members=True)
    assert [w.code for w in written.warnings] == ["unknown-member"]
    assert memberships(house) == {(staff, ann)}
    check(house)


def at_once(*writes: Any) -> list[str]:
    """Run each in a thread of its own, all from one moment on; return what came of each."""
    barrier, results = threading.Barrier(len(writes)), list[str]()

    def run(write: Any) -> None:
        barrier.wait()
        try:
            results.append(type(write()).__name__)
        except Exception as refusal:  # noqa: BLE001  # compared by the test
            results.append(type(refusal).__name__)

    threads = [threading.Thread(target=run, args=(write,)) for write in writes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(results)


def test_a_restore_against_a_create_of_the_same_name_has_one_winner(house: House) -> None:
    for number in range(5):
        ann = new_user(house, f"ann{number}")
        remove(house, USER, ann)
        command = CreateUser(house.cause(), {"userName": f"ANN{number}"})
        create = [lambda command=command: house.log.handle(create_user, command)] * 2
        results = at_once(lambda ann=ann: bring(house, USER, ann), *create)
        assert results == ["UserNameTaken", "UserNameTaken", "Written"]
    check(house)


def test_two_restores_at_once_bring_it_back_once(house: House) -> None:
    for number in range(5):
        ann = new_user(house, f"ann{number}")
        staff = new_group(house, f"Staff{number}", [ann])
        remove(house, USER, ann)
        results = at_once(*[lambda ann=ann: bring(house, USER, ann)] * 3)
        assert results == ["NotDeleted", "NotDeleted", "Written"]
        assert (staff, ann) in memberships(house)
    check(house)


def test_a_restore_while_its_group_is_deleted_leaves_no_dangling_member(house: House) -> None:
    for number in range(5):
        ann = new_user(house, f"ann{number}")
        staff = new_group(house, f"Staff{number}", [ann])
        remove(house, USER, ann)
        at_once(
            lambda ann=ann: bring(house, USER, ann),
            lambda staff=staff: remove(house, GROUP, staff),
        )
        assert not {pair for pair in memberships(house) if staff in pair}
        assert not house.log.user(house.realms["acme"], ann).state.deleted
    check(house)
