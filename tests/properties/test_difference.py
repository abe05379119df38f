"""What was, and the difference, make what is: for any two instants of any history."""

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.document import Change, changed
from domain.group import Group
from domain.user import User
from replay.difference import Difference, difference
from replay.history import Between
from tests.audited import BusyHouse, busy_house
from tests.engines import Engine
from tests.properties.histories import SLUGS, Player, histories
from tests.properties.test_audit import STORY

few = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
State = tuple[dict[str, Any], set[tuple[str, str]]]


def state_at(house: BusyHouse, slug: str, position: int) -> State:
    """Return the documents by id and the memberships right after a position."""
    states: dict[str, Any] = {}
    members: set[tuple[str, str]] = set()
    for at, recorded in house.log.events.read(0, 1_000_000):
        kind = recorded.event.topic.split(".")[0]
        if at > position or recorded.cause.realm != house.realms[slug] or kind == "realm":
            continue
        aggregate: Any = {"user": User, "group": Group}[kind]
        id_ = recorded.stream_id
        states[id_] = aggregate.evolve(states.get(id_), recorded.event)
        match recorded.event:
            case Group.MembersAdded(ids):
                members |= {(id_, member) for member in ids}
            case Group.MembersRemoved(ids):
                members -= {(id_, member) for member in ids}
            case Group.Deleted():
                members = {pair for pair in members if pair[0] != id_}
    return {id_: s.document for id_, s in states.items() if not s.deleted}, members


def applied(before: State, found: Difference) -> State:
    documents, members = dict(before[0]), set(before[1])
    for each in found.created:
        assert each["resourceId"] not in documents
        documents[each["resourceId"]] = {}
    for each in [*found.created, *found.changed]:
        for change in each["changes"]:
            assert change["before"] != change["after"]
        changes = {c["path"]: Change(c["before"], c["after"]) for c in each["changes"]}
        documents[each["resourceId"]] = changed(documents[each["resourceId"]], changes)
    for each in found.deleted:
        del documents[each["resourceId"]]
    for each in found.left:
        members.remove((each["groupId"], each["value"]))
    for each in found.joined:
        assert (each["groupId"], each["value"]) not in members
        members.add((each["groupId"], each["value"]))
    return documents, members


def check(house: BusyHouse, chance: random.Random, pairs: int) -> None:
    positions = [0, *(position for position, _ in house.log.events.read(0, 1_000_000))]
    for slug in SLUGS:
        for _ in range(pairs):
            span = Between(*sorted(chance.choices(positions, k=2)))
            found = difference(house.log, house.realms[slug], span)
            after = state_at(house, slug, span.upto)
            assert applied(state_at(house, slug, span.after), found) == after
            names = {
                id_: document.get("displayName") or document.get("userName")
                for id_, document in after[0].items()
            }
            for each in [*found.created, *found.changed]:
                assert each["resourceName"] == names[each["resourceId"]]


def test_what_was_and_the_difference_make_what_is(engine: Engine) -> None:
    @few
    @given(histories, st.integers(0, 1_000))
    def holds(history: list[Any], seed: int) -> None:
        with busy_house(engine, SLUGS) as (house, follower):
            Player(house).play(history)
            if seed % 2:
                follower.catch_up()
            check(house, random.Random(seed), 6)  # noqa: S311  # not a secret

    holds()


def test_a_story_in_all_its_parts(engine: Engine) -> None:
    with busy_house(engine, SLUGS) as (house, _follower):
        Player(house).play(STORY)
        check(house, random.Random(1), 60)  # noqa: S311  # not a secret
