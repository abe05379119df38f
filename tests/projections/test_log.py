"""The log as handlers see it: streams, and deciding again when others wrote meanwhile."""

import threading
from typing import Any

import pytest

from domain.commands import CreateUser, PatchUser
from domain.events import entity_tag
from domain.handlers.users import create_user, patch_user
from domain.patching import AttributeOperation
from domain.refusals import (
    NoSuchRealm,
    NoSuchResource,
    Unavailable,
    UserNameTaken,
    VersionConflict,
    VersionMismatch,
)
from projections.log import ATTEMPTS
from tests.fakes import Knows
from tests.houses import House
from tests.projections.commands import add_members, new_group, new_user


def title(house: House, user: str, text: str, tag: str | None = None) -> PatchUser:
    operation = AttributeOperation("replace", "title", text)
    return PatchUser(house.cause(), user, [operation], precondition=Knows(tag) if tag else None)


def test_a_group_is_loaded_without_the_events_of_its_members(house: House) -> None:
    realm = house.realms["acme"]
    members = [new_user(house, f"u{number}") for number in range(5)]
    group = new_group(house, "Staff")
    for member in members:
        add_members(house, group, member)
    with house.statements() as seen:
        stream = house.log.group(realm, group)
    assert stream.version == 6
    assert stream.state.document == {"displayName": "Staff"}
    assert any("topic NOT IN" in statement for statement in seen)


def test_c2_a_resource_of_another_realm_or_type_does_not_exist(house: House) -> None:
    ann, group = new_user(house, "ann"), new_group(house, "Staff")
    acme, other = house.realms["acme"], house.realms["other"]
    for realm, id_ in ((other, ann), (acme, group), (acme, house.log.new_id()), (acme, "x")):
        with pytest.raises(NoSuchResource):
            house.log.user(realm, id_)
    for realm, id_ in ((other, group), (acme, ann), (acme, acme)):
        with pytest.raises(NoSuchResource):
            house.log.group(realm, id_)
    with pytest.raises(NoSuchRealm):
        house.log.realm(house.log.new_id())


def test_ids_sort_by_age(house: House) -> None:
    ids = [house.log.new_id() for _ in range(100)]
    assert ids == sorted(ids)


def test_a_conflict_of_versions_is_decided_again(house: House) -> None:
    ann, rounds = new_user(house, "ann"), 0

    def slow(command: PatchUser, log: Any) -> Any:
        nonlocal rounds
        rounds += 1
        stream = log.user(house.realms["acme"], ann)
        if rounds == 1:  # somebody else is quicker, once
            patch_user(title(house, ann, "theirs"), house.log)
        real, log_user = log.user, lambda *_: stream
        log.user = log_user
        try:
            return patch_user(command, log)
        finally:
            log.user = real

    house.log.handle(slow, title(house, ann, "ours"))
    assert rounds == 2
    stream = house.log.user(house.realms["acme"], ann)
    assert (stream.version, stream.state.document["title"]) == (3, "ours")


def test_a_stream_that_others_write_all_the_time_is_unavailable(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("projections.log.time.sleep", pauses.append)
    rounds = 0

    def never(_command: object, _log: object) -> None:
        nonlocal rounds
        rounds += 1
        raise VersionConflict("x")

    with pytest.raises(Unavailable, match="try again"):
        house.log.handle(never, None)
    assert rounds == len(pauses) == ATTEMPTS


def run_at_once(*writes: Any) -> list[Any]:
    """Run each in a thread of its own, all from one moment on; return results and refusals."""
    barrier, results = threading.Barrier(len(writes)), []

    def run(write: Any) -> None:
        barrier.wait()
        try:
            results.append(write())
        except Exception as refusal:  # noqa: BLE001  # compared by the test
            results.append(refusal)

    threads = [threading.Thread(target=run, args=(write,)) for write in writes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_h1_one_of_many_creates_of_a_user_name_succeeds(house: House) -> None:
    results = run_at_once(
        *[
            lambda name=name: house.log.handle(
                create_user, CreateUser(house.cause(), {"userName": name})
            )
            for name in ["ann", "ANN"] * 4
        ]
    )
    assert sorted(type(result).__name__ for result in results) == ["UserNameTaken"] * 7 + [
        "Written"
    ]
    assert len(house.rows()["users_g1"]) == 1


def test_h4_members_added_at_once_are_all_added(house: House) -> None:
    users = [new_user(house, f"u{number}") for number in range(8)]
    group = new_group(house, "Staff")
    results = run_at_once(*[lambda user=user: add_members(house, group, user) for user in users])
    assert results == [None] * 8
    assert {row[2] for row in house.rows()["members"]} == set(users)


def test_h6_one_of_many_writers_that_know_one_version_succeeds(house: House) -> None:
    ann = new_user(house, "ann")
    tag = entity_tag(1, "c" * 8)
    results = run_at_once(
        *[
            lambda text=text: house.log.handle(patch_user, title(house, ann, text, tag))
            for text in "abcdef"
        ]
    )
    # The correlation id is the same in all of them, so the version alone tells them apart.
    assert [isinstance(r, VersionMismatch) for r in results].count(True) == 5
    assert house.log.user(house.realms["acme"], ann).version == 2


def test_h3_one_of_two_renames_to_a_name_succeeds(house: House) -> None:
    ann, bob = new_user(house, "ann"), new_user(house, "bob")
    operation = AttributeOperation("replace", "userName", "carl")
    results = run_at_once(
        *[
            lambda id_=id_: house.log.handle(patch_user, PatchUser(house.cause(), id_, [operation]))
            for id_ in (ann, bob)
        ]
    )
    assert sorted(type(result).__name__ for result in results) == ["UserNameTaken", "Written"]
    assert UserNameTaken in map(type, results)
