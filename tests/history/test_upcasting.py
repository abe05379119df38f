"""An event changes its shape: the example to follow (ADR 0022).

`user.renamed` gets a second version that says the two names and no path. What the releases before
wrote stays in the log as it is; every reader sees the second version alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Self

import orjson
import pytest
from sqlalchemy import select

from domain.commands import PatchUser
from domain.document import Change
from domain.events import Part
from domain.handlers.users import patch_user
from domain.patching import AttributeOperation
from domain.topics import EVENTS
from domain.user import User
from projections import mapper
from projections.mapper import UPCASTERS, EventFromTheFuture
from projections.tables import events
from replay.refill import refill
from replay.verify import verify
from tests.engines import Engine
from tests.houses import House, opened_house
from tests.projections.commands import new_group, new_user

TOPIC = User.Renamed.topic


class Renamed(User.Renamed):
    """Version 2: the class changes, and says so."""

    schema_version = 2

    def parts(self) -> tuple[Part, Part]:
        change = self.changes["userName"]
        return {"paths": ["userName"]}, {"old": change.old, "new": change.new}

    @classmethod
    def from_parts(cls, clear: Part, personal: Part) -> Self:
        return cls({"userName": Change(personal["old"], personal["new"])})


def says_the_names_alone(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Version 1 to 2: a pure function of a payload, kept for ever."""
    change = payload["personal"]["changes"]["userName"]
    clear = {**payload["clear"], "schema_version": 2}
    return {"clear": clear, "personal": {"old": change["old"], "new": change["new"]}}


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    with opened_house(engine) as opened:
        yield opened


@pytest.fixture
def ann(house: House) -> str:
    """A user whom the release before renamed, in a group."""
    user = new_user(house, "ann")
    rename(house, user, "anne")
    new_group(house, "Staff", [user])
    return user


def rename(house: House, user: str, name: str) -> None:
    operation = AttributeOperation("replace", "userName", name)
    house.log.handle(patch_user, PatchUser(house.cause(), user, [operation]))


@pytest.fixture
def upgraded(ann: str) -> Iterator[pytest.MonkeyPatch]:
    """From here on the code of the release that has version 2."""
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(User, "Renamed", Renamed)
        patching.setitem(EVENTS, TOPIC, Renamed)
        patching.setattr(mapper, "UPCASTERS", {**UPCASTERS, (TOPIC, 1): says_the_names_alone})
        yield patching


def stored(house: House) -> list[dict[str, Any]]:
    """The payloads of the renamings as they stand in the log."""
    wanted = select(events.c.state).where(events.c.topic == TOPIC).order_by(events.c.position)
    with house.database.reading() as connection:
        return [orjson.loads(state) for state in connection.scalars(wanted)]


def test_both_versions_stand_in_the_log_and_are_read_as_one(
    house: House, ann: str, upgraded: pytest.MonkeyPatch
) -> None:
    rename(house, ann, "anna")
    before, after = stored(house)
    assert before["personal"] == {"changes": {"userName": {"old": "ann", "new": "anne"}}}
    assert after["personal"] == {"old": "anne", "new": "anna"}
    assert [each["clear"]["schema_version"] for each in (before, after)] == [1, 2]
    read = [each.event for each in house.events() if each.event.topic == TOPIC]
    assert read == [
        Renamed({"userName": Change("ann", "anne")}),
        Renamed({"userName": Change("anne", "anna")}),
    ]
    assert house.log.user(house.realms["acme"], ann).state.document["userName"] == "anna"


def test_everything_beside_the_log_comes_back_the_same(
    house: House, ann: str, upgraded: pytest.MonkeyPatch
) -> None:
    rename(house, ann, "anna")
    rows = house.rows()
    refill(house.database, house.log.registry, house.log.events)
    assert house.rows() == rows
    assert list(verify(house.log)) == []


def test_the_release_before_refuses_what_it_does_not_know(
    house: House, ann: str, upgraded: pytest.MonkeyPatch
) -> None:
    rename(house, ann, "anna")
    upgraded.undo()
    with pytest.raises(EventFromTheFuture, match=r"user\.renamed.*version 2; this release knows 1"):
        house.events()


def test_sabotage_an_upcaster_that_mixes_the_names_up_is_found(
    house: House, ann: str, upgraded: pytest.MonkeyPatch
) -> None:
    def mixed_up(payload: Mapping[str, Any]) -> dict[str, Any]:
        right = says_the_names_alone(payload)
        old, new = right["personal"]["old"], right["personal"]["new"]
        return {**right, "personal": {"old": new, "new": old}}

    upgraded.setattr(mapper, "UPCASTERS", {**UPCASTERS, (TOPIC, 1): mixed_up})
    assert {each.what for each in verify(house.log)} >= {"document", "claim"}
