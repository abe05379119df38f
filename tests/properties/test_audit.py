"""The audit log answers what a witness of every event would, however far it has come (ADR 0014)."""

import random
from itertools import combinations
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.audit import Conditions
from projections.audit.g1 import AuditG1
from projections.followers.following import Following
from projections.registry import Registry
from replay.history import Between
from replay.refill import refill
from tests.audited import BusyHouse, Said, asked, busy_house, witnessed
from tests.engines import Engine
from tests.properties.histories import SLUGS, Player, histories

FACETS = (
    "resource_type",
    "resource_id",
    "actor",
    "action",
    "attribute",
    "correlation_id",
)
COMBINATIONS = [names for n in range(len(FACETS) + 1) for names in combinations(FACETS, n)]
few = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
STORY: list[Any] = [
    ("acme", ("create user", {"userName": "ann", "displayName": "Ann", "title": "x"})),
    ("acme", ("create user", {"userName": "bob", "name": {"givenName": "Bob"}})),
    ("acme", ("create group", {"displayName": "x"}, ("add", [0, 1]))),
    ("other", ("create user", {"userName": "ann"})),
    ("acme", ("create group", {"displayName": "Y"}, ("add", [0, 2]))),
    ("acme", ("put user", 0, {"userName": "ANN", "displayName": "Anna"})),
    ("acme", ("patch group", 0, [], ("remove", [1]))),
    ("other", ("put user", 0, {"userName": "ann", "active": False})),
    ("acme", ("put group", 1, {"displayName": "z"}, ("none", []))),
    ("acme", ("put user", 1, {"userName": "bob", "active": False, "title": "y"})),
    ("acme", ("patch group", 0, [], ("add", [1]))),
    ("acme", ("delete", 0)),
    ("acme", ("delete", 2)),
]


def wanted_of(said: Said, names: tuple[str, ...], chance: random.Random) -> Conditions:
    """Return conditions that an event meets, as far as it has what they are about."""
    facts = {
        "resource_type": said.kind,
        "resource_id": said.recorded.stream_id,
        "actor": said.recorded.cause.actor.id,
        "action": said.recorded.event.topic,
        "attribute": chance.choice(sorted(said.attributes) or ["title"]),
        "correlation_id": said.recorded.cause.correlation_id,
    }
    return Conditions(**{name: facts[name] for name in names})


def check(house: BusyHouse, slug: str, said: list[Said], chance: random.Random) -> None:
    for names in chance.sample(COMBINATIONS, 12):
        wanted = wanted_of(chance.choice(said), names, chance)
        stranger = wanted_of(chance.choice(said), names[:1], chance)
        mixed = Conditions(
            **{
                name: getattr(stranger, name) or getattr(wanted, name)
                for name in FACETS
                if getattr(wanted, name) is not None
            }
        )
        low, high = sorted(chance.choices([each.position for each in said], k=2))
        for each in (wanted, mixed):
            for span in (None, Between(low, high)):
                expected = [
                    s.position
                    for s in said
                    if s.meets(each) and (span is None or low < s.position <= high)
                ]
                found = asked(house, slug, each, chance.randint(1, 5), span)
                assert [event["position"] for event in found] == expected, (each, span)


def check_words(house: BusyHouse, slug: str, said: list[Said]) -> None:
    found = asked(house, slug, Conditions(), 100)
    assert len(found) == len(said)
    for event, expected in zip(found, said, strict=True):
        cause = expected.recorded.cause
        assert event["resourceName"] == expected.name
        assert event["resourceType"] == expected.kind
        assert event["actor"] == {
            "kind": cause.actor.kind,
            "id": cause.actor.id,
            "tokenId": cause.actor.token_id,
        }
        assert event["version"] == expected.recorded.originator_version
        assert event["sourceAddress"] == cause.source_address
        changes = {c["path"]: (c["before"], c["after"]) for c in event["changes"]}
        if expected.kind != "Realm":
            assert changes == {p: tuple(c) for p, c in expected.changes.items()}
        assert set(changes) == set(expected.changes)


def rows(house: BusyHouse) -> Any:
    return {name: found for name, found in house.rows().items() if name.startswith("audit_")}


def check_whole(house: BusyHouse, follower: Following, history: list[Any], seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # not a secret
    player, middle = Player(house), len(history) // 2
    player.play(history[:middle])
    if seed % 3:
        follower.catch_up()  # in the end it lags behind
    player.play(history[middle:])
    for slug in SLUGS:
        said = witnessed(house, slug)
        check(house, slug, said, chance)
        check_words(house, slug, said)
    follower.catch_up()
    for slug in SLUGS:
        said = witnessed(house, slug)
        check(house, slug, said, chance)
        check_words(house, slug, said)
    live = rows(house)
    assert len(live["audit_g1"]) == len(house.events())
    registry = Registry(list(house.log.registry.known.values()), followed=[AuditG1()])
    refill(house.database, registry, house.log.events, batch=seed % 7 + 1)
    assert rows(house) == live


def test_every_condition_and_combination_finds_what_it_says(engine: Engine) -> None:
    @few
    @given(histories, st.integers(0, 1_000))
    def holds(history: list[Any], seed: int) -> None:
        with busy_house(engine, SLUGS) as (house, follower):
            check_whole(house, follower, history, seed)

    holds()


def test_a_story_is_told_under_every_combination(engine: Engine) -> None:
    for seed in range(3):
        with busy_house(engine, SLUGS) as (house, follower):
            check_whole(house, follower, STORY, seed)
