"""What was answered then is answered again: by version and by instant, byte for byte (ADR 0015)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings

from api.app import create_app
from api.composition import Service
from api.settings import Settings
from domain.handlers.realms import change_realm, issue_token
from domain.instants import instant
from projections.generations import READ
from replay.rebuilding.rebuild import Rebuild
from replay.refill import refill
from tests.engines import Engine
from tests.houses import KEY, House, opened_house
from tests.properties.histories import SLUGS, Player, histories

CLIENT = "auditor"
SCOPES = ("scim.read", "scim.write", "audit.read")


@dataclass
class Answered:
    """What a GET said at some moment, and when that was."""

    path: str
    at: str
    whole: bytes
    version: int
    plain: bytes


@dataclass
class Witness:
    """Asks for every resource after every step, and remembers the answers."""

    house: House
    client: TestClient
    tokens: dict[str, str]
    answers: dict[str, list[Answered]] = field(default_factory=dict)

    def look(self, slug: str, ids: list[tuple[str, str]]) -> None:
        at = instant(self.house.events()[-1].recorded_at)
        for kind, id_ in ids:
            path = f"/{kind}s/{id_}"
            answer = self.get(slug, f"/scim/v2{path}")
            if answer.status_code == 404:
                continue
            excluded = "?excludedAttributes=groups,members.display"
            plain = self.get(slug, f"/scim/v2{path}{excluded}")
            version = int(answer.headers["etag"][3:].partition("-")[0])
            found = Answered(path, at, answer.content, version, plain.content)
            self.answers.setdefault(slug, []).append(found)

    def get(self, slug: str, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[slug]}"}
        return self.client.get(f"/realms/{slug}{path}", headers=headers)

    def check(self) -> int:
        checked = 0
        for slug, answers in self.answers.items():
            for found in answers:
                base = f"/audit/v1{found.path}"
                by_version = self.get(slug, f"{base}?version={found.version}")
                assert by_version.content == found.plain, (found, by_version.content)
                by_instant = self.get(slug, f"{base}?at={found.at}")
                assert by_instant.content == found.plain, (found, by_instant.content)
                derived = self.get(slug, f"{base}?at={found.at}&derived=true")
                assert derived.content == found.whole, (found, derived.content)
                assert derived.headers["etag"] == by_version.headers["etag"]
                checked += 1
        return checked


@contextmanager
def witnessed(engine: Engine) -> Iterator[Witness]:
    with opened_house(engine, slugs=SLUGS) as house:
        registry = house.log.registry
        service = Service(Settings(), house.database, registry, KEY, house.log)
        tokens = {}
        for slug in SLUGS:
            change_realm(house.cause(slug), house.log, lambda r: r.add_client(CLIENT, SCOPES))
            _, tokens[slug], _ = issue_token(house.cause(slug), house.log, CLIENT, days=1)
        with TestClient(create_app(service)) as client:
            yield Witness(house, client, tokens)


def check(engine: Engine, history: list[Any]) -> None:
    with witnessed(engine) as witness:
        player = Player(witness.house)
        for step in history:
            player.play([step])
            for slug in SLUGS:
                witness.look(slug, player.ids[slug])
        witness.check()
        log = witness.house.log
        refill(log.database, log.registry, log.events)
        witness.check()
        for read_model in log.registry.read_models:
            assert Rebuild(log, read_model).run().state == READ
        witness.check()


few = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)


def test_what_was_answered_then_is_answered_again(engine: Engine) -> None:
    @few
    @given(histories)
    def holds(history: list[Any]) -> None:
        check(engine, history)

    holds()


def test_a_story_is_told_again(engine: Engine) -> None:
    history: list[Any] = [
        ("acme", ("create user", {"userName": "ann", "displayName": "Ann"})),
        ("acme", ("create user", {"userName": "bob"})),
        ("acme", ("create group", {"displayName": "x"}, ("add", [0, 1]))),
        ("acme", ("create group", {"displayName": "Y"}, ("add", [0, 2]))),
        ("acme", ("put user", 0, {"userName": "ann", "displayName": "Anna"})),
        ("acme", ("patch group", 0, [], ("remove", [1]))),
        ("acme", ("put group", 1, {"displayName": "z"}, ("none", []))),
        ("acme", ("patch group", 0, [], ("add", [1]))),
        ("acme", ("delete", 0)),
        ("acme", ("delete", 2)),
    ]
    with witnessed(engine) as witness:
        player = Player(witness.house)
        for step in history:
            player.play([step])
            witness.look("acme", player.ids["acme"])
        assert witness.check() > 20


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "either at"),
        ("?at=2026-03-03T12:00:00Z&version=1", "either at"),
        ("?at=2026-03-03T12:00:00", "no time zone"),
        ("?at=2999-03-03T12:00:00Z", "future"),
        ("?at=yesterday", "no instant"),
        ("?at=" + "9" * 200, "no instant"),
        ("?at=2026-03-03T12:00:00Z&at=2026-03-03T12:00:00Z", "2 times"),
        ("?version=0", "whole number"),
        ("?version=-1", "whole number"),
        ("?version=" + "9" * 40, "whole number"),
        ("?version=1&derived=true", "derived goes with at"),
    ],
)
def test_an_instant_or_a_version_that_says_nothing_is_one_clear_error(
    engine: Engine, query: str, words: str
) -> None:
    with witnessed(engine) as witness:
        answer = witness.get("acme", f"/audit/v1/Users/00000000-0000-7000-8000-000000000000{query}")
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_before_creation_and_after_deletion_is_404_with_the_instant(engine: Engine) -> None:
    with witnessed(engine) as witness:
        player = Player(witness.house)
        player.play([("acme", ("create user", {"userName": "ann"}))])
        [(_, ann)] = player.ids["acme"]
        created = instant(witness.house.events()[-1].recorded_at)
        player.play([("acme", ("delete", 0))])
        deleted = instant(witness.house.events()[-1].recorded_at)
        path = f"/audit/v1/Users/{ann}"
        before = witness.get("acme", f"{path}?at=2001-01-01T00:00:00Z")
        after = witness.get("acme", f"{path}?at={deleted}")
        never = witness.get("other", f"{path}?at={deleted}")
        no_group = witness.get("acme", f"/audit/v1/Groups/{ann}?at={created}")
        assert witness.get("acme", f"{path}?at={created}").status_code == 200
    assert [a.status_code for a in (before, after, never, no_group)] == [404] * 4
    assert f"created at {created}" in before.json()["detail"]
    assert f"deleted at {deleted}" in after.json()["detail"]
    assert "never existed" in never.json()["detail"]
    assert "never existed" in no_group.json()["detail"]
