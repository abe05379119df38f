"""Many write one resource at once (ABUSE H4 to H8): nothing acknowledged is lost."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from projections.tables import members
from tests.abuse.evidence import Evidence
from tests.abuse.racing import ROUNDS, done, race, statuses
from tests.abuse.resources import add_member, created, group, patch, replace, unique, user
from tests.scim import Scim
from tests.serving import RunningServer


@pytest.fixture(scope="module")
def realm(two_workers: RunningServer) -> Scim:
    return two_workers.scim()


@pytest.fixture(scope="module")
def log(two_workers: RunningServer) -> Evidence:
    return Evidence(two_workers.database_url, "acme")


@pytest.fixture(scope="module")
def people(realm: Scim) -> list[str]:
    """Fifty users."""
    return [created(realm, user())["id"] for _ in range(50)]


def _joining(scim: Scim, team: str, ids: list[str]) -> list[Any]:
    return [partial(scim.patch, f"/Groups/{team}", add_member(id_)) for id_ in ids]


def test_h4_fifty_members_added_at_once(realm: Scim, log: Evidence, people: list[str]) -> None:
    for _ in range(ROUNDS):
        team = created(realm, group())["id"]
        with log.new_events(50):
            answers = race(_joining(realm, team, people))
        assert done(answers) == 50
        assert log.members(team) == set(people)
        shown = realm.get(f"/Groups/{team}").json["members"]
        assert {member["value"] for member in shown} == set(people)
    log.assert_consistent()


def test_h4_fifty_members_added_at_once_to_one_worker(scim: Scim, evidence: Evidence) -> None:
    ids = [created(scim, user())["id"] for _ in range(50)]
    for _ in range(ROUNDS):
        team = created(scim, group())["id"]
        with evidence.new_events(50):
            assert done(race(_joining(scim, team, ids))) == 50
        assert evidence.members(team) == set(ids)
    evidence.assert_consistent()


def test_h4_members_added_and_removed_while_the_group_is_renamed(
    realm: Scim, log: Evidence, people: list[str]
) -> None:
    stay, leave, join = people[:5], people[5:15], people[15:25]
    for _ in range(ROUNDS):
        team = created(realm, group(*stay, *leave))["id"]
        name = unique("renamed")
        leaving = [
            partial(
                realm.patch,
                f"/Groups/{team}",
                patch({"op": "Remove", "path": f'members[value eq "{id_}"]'}),
            )
            for id_ in leave
        ]
        renaming = [partial(realm.patch, f"/Groups/{team}", replace("displayName", name))]
        answers = race([*leaving, *renaming, *_joining(realm, team, join)])
        assert done(answers) == 21
        assert log.members(team) == {*stay, *join}
        assert realm.get(f"/Groups/{team}").json["displayName"] == name
    log.assert_consistent()


def test_h5_one_member_added_fifty_times(realm: Scim, log: Evidence, people: list[str]) -> None:
    for _ in range(ROUNDS):
        team = created(realm, group())["id"]
        with log.new_events(1):
            answers = race(_joining(realm, team, people[:1] * 50))
        assert statuses(answers) == {200: 50}
        assert log.topics(team) == ["group.created", "group.members-added"]
        assert log.members(team) == {people[0]}
    log.assert_consistent()


@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
def test_h6_fifty_writers_who_know_one_version(
    realm: Scim, log: Evidence, people: list[str], endpoint: str
) -> None:
    for _ in range(ROUNDS):
        made = created(realm, user() if endpoint == "/Users" else group())
        tag = {"If-Match": made["meta"]["version"]}
        bodies = [
            add_member(people[number])
            if endpoint == "/Groups" and number % 2
            else replace("externalId", f"{number}")
            for number in range(50)
        ]
        with log.new_events(1):
            answers = race(
                [partial(realm.patch, f"{endpoint}/{made['id']}", b, headers=tag) for b in bodies]
            )
        assert statuses(answers) == {200: 1, 412: 49}
        [winner] = [answer.json for answer in answers if answer.status == 200]
        assert realm.get(f"{endpoint}/{made['id']}").json == winner
    log.assert_consistent()


def test_h7_put_and_patch_of_one_user_have_an_order(realm: Scim, log: Evidence) -> None:
    parts = ("title", "nickName", "displayName")
    for _ in range(ROUNDS):
        made = created(realm, user(**dict.fromkeys(parts, "first")))
        target, name = f"/Users/{made['id']}", made["userName"]
        puts = [
            partial(realm.put, target, user(userName=name, **dict.fromkeys(parts, f"put {n}")))
            for n in range(4)
        ]
        patches = [
            partial(realm.patch, target, patch(*(_set(part, f"patch {n}") for part in parts[:2])))
            for n in range(4)
        ]
        answers = race([*puts, *patches])
        assert statuses(answers) == {200: 8}
        states = [realm.get(target).json, *(answer.json for answer in answers)]
        for state in states:
            title, nick, display = (state[part] for part in parts)
            assert title == nick, "half of one write and half of another"
            assert title.startswith("patch") or title == display
    log.assert_consistent()


def test_h7_put_and_patch_of_one_group_have_an_order(
    realm: Scim, log: Evidence, people: list[str]
) -> None:
    for _ in range(ROUNDS):
        names = [unique("order") for _ in range(2)]
        made = created(realm, group(people[0], displayName=names[0]))
        target = f"/Groups/{made['id']}"
        states = {names[0]: people[0], names[1]: people[1]}
        writers = [
            partial(realm.put, target, group(member, displayName=name))
            for name, member in [*states.items()] * 4
        ]
        assert statuses(race(writers)) == {200: 8}
        now = realm.get(target).json
        assert [member["value"] for member in now["members"]] == [states[now["displayName"]]]
    log.assert_consistent()


def _set(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def test_h8_a_user_deleted_while_it_is_added_leaves_no_trace(realm: Scim, log: Evidence) -> None:
    for _ in range(ROUNDS):
        gone = created(realm, user())["id"]
        teams = [created(realm, group())["id"] for _ in range(8)]
        writers = [partial(realm.patch, f"/Groups/{team}", add_member(gone)) for team in teams]
        writers.insert(4, partial(realm.delete, f"/Users/{gone}"))
        assert statuses(race(writers)) == {200: 8, 204: 1}
        assert log.select(select(members).where(members.c.member_id == gone)) == []
        for team in teams:
            assert "members" not in realm.get(f"/Groups/{team}").json
            topics = log.topics(team)
            assert topics.count("group.members-added") == topics.count("group.members-removed")
    log.assert_consistent()


def test_h8_a_group_deleted_while_it_is_filled_and_joined_leaves_no_trace(
    realm: Scim, log: Evidence, people: list[str]
) -> None:
    for _ in range(ROUNDS):
        gone, parent = (created(realm, group())["id"] for _ in range(2))
        writers = [
            *_joining(realm, gone, people[:6]),
            partial(realm.delete, f"/Groups/{gone}"),
            partial(realm.patch, f"/Groups/{parent}", add_member(gone)),
        ]
        counted = statuses(race(writers))
        assert counted[204] == 1
        assert counted[200] + counted[404] == 7
        assert log.members(gone) == log.members(parent) == set()
    log.assert_consistent()
