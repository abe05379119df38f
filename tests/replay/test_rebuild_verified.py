"""What a broken projection function does is named before the switch, and stops it (ADR 0021)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from domain.events import RecordedEvent
from domain.user import User
from projections.directory.g1 import DirectoryG1
from projections.followers.checkpoints import FOLLOWS_PARKED, Checkpoint, parked_of_all
from projections.followers.generations import parking
from projections.generations import Positioned
from replay.rebuilding.ends import drop_others
from replay.rebuilding.rebuild import Outcome
from replay.rebuilding.refusals import RebuildRefused
from replay.rebuilding.switching import switch
from replay.status import read_model_status
from tests.engines import Engine
from tests.houses import House, opened_house
from tests.next_generation import Next
from tests.projections.commands import add_members
from tests.replay.rebuilt import assert_alike, log_knowing, new_user, populate, rebuild, states

Broken = Callable[[Sequence[Positioned]], Sequence[Positioned]]


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    with opened_house(engine, slugs=("acme", "other")) as opened:
        yield opened


class Sabotaged(Next):
    """A next generation whose function sees the events of one user as it should not."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(DirectoryG1())
        self.broken = broken

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        super().project(connection, self.broken(events))


def of(user: str, change: Callable[[RecordedEvent[User]], RecordedEvent[User]]) -> Broken:
    def broken(events: Sequence[Positioned]) -> Sequence[Positioned]:
        return [
            Positioned(p, change(recorded))
            if recorded.stream_id == user
            else Positioned(p, recorded)
            for p, recorded in events
        ]

    return broken


def refused(house: House, broken: Broken) -> Outcome:
    """Rebuild with a broken function: it must not be switched to."""
    outcome = rebuild(log_knowing(house, Sabotaged(broken)))
    assert outcome.state == "shadow"
    assert states(house) == {1: "live", 2: "shadow"}
    return outcome


def named(outcome: Outcome) -> set[tuple[str, str, str, str]]:
    assert outcome.comparison is not None
    return {(d.realm, d.table, d.resource, d.column) for d in outcome.comparison.differences}


def test_a_dropped_row_is_named(house: House) -> None:
    user = populate(house)[2]
    outcome = refused(
        house, lambda events: [each for each in events if each.recorded.stream_id != user]
    )
    acme = house.realms["acme"]
    assert named(outcome) == {
        (acme, "users_g1", user, "row"),
        (acme, "user_emails_g1", f"{user} 0", "row"),
        (acme, "documents", user, "document"),
    }


def test_a_wrong_value_is_named_with_its_column(house: House) -> None:
    user = populate(house)[2]

    def wrong(recorded: RecordedEvent[User]) -> RecordedEvent[User]:
        document = {**recorded.event.document, "displayName": "Mallory"}
        return replace(recorded, event=replace(recorded.event, document=document))

    outcome = refused(house, of(user, wrong))
    columns = {column for _, _, resource, column in named(outcome) if resource == user}
    assert columns == {"display_name_key", "display", "keys", "document"}
    assert {resource for _, _, resource, _ in named(outcome)} == {user}
    assert outcome.comparison is not None
    shown = {(d.column, d.old, d.new) for d in outcome.comparison.differences}
    assert ("display_name_key", "user 2", "mallory") in shown


def test_a_row_in_the_wrong_realm_is_named_in_both(house: House) -> None:
    user = populate(house)[2]
    acme, other = house.realms["acme"], house.realms["other"]

    def elsewhere(recorded: RecordedEvent[User]) -> RecordedEvent[User]:
        return replace(recorded, cause=replace(recorded.cause, realm=other))

    outcome = refused(house, of(user, elsewhere))
    assert {(acme, "users_g1", user, "row"), (other, "users_g1", user, "row")} <= named(outcome)
    assert outcome.comparison is not None
    counts = {
        each.realm: (each.old.rows, each.new.rows)
        for each in outcome.comparison.compared
        if each.table == "users_g1"
    }
    assert counts == {acme: (6, 5), other: (0, 1)}


def test_a_sound_function_is_switched_to(house: House) -> None:
    populate(house)
    assert rebuild(log_knowing(house, Sabotaged(lambda events: events))).state == "live"


def test_only_the_first_differences_are_kept_and_all_are_counted(house: House) -> None:
    populate(house)
    broken = Sabotaged(lambda _: [])
    outcome = rebuild(log_knowing(house, broken), listed=2)
    assert outcome.comparison is not None
    assert len(outcome.comparison.differences) == 2
    assert outcome.comparison.total == 6 + 6 + 1 + 7


def test_what_was_built_wrong_is_dropped_and_built_again(house: House) -> None:
    populate(house)
    log = log_knowing(house, Sabotaged(lambda _: []))
    assert rebuild(log).state == "shadow"
    [dropped] = drop_others(house.database, log.registry, "directory")
    assert dropped.number == 2
    log = log_knowing(house, Next(DirectoryG1()))
    assert rebuild(log).state == "live"
    assert_alike(house, "_g1", "_g2")


class Poisoned(Next):
    """A next generation that cannot take some events."""

    def __init__(self, refuses: Callable[[Positioned], bool]) -> None:
        super().__init__(DirectoryG1())
        self.refuses = refuses

    def project(self, connection: Connection, events: Sequence[Positioned]) -> None:
        super().project(connection, events)  # what it wrote before it fails is taken back
        for event in events:
            if self.refuses(event):
                raise ValueError(f"cannot take {event.position}")


def test_j2_a_rebuild_parks_what_it_cannot_take_and_does_not_switch_over_it(house: House) -> None:
    user = populate(house)[1]
    poisoned = Poisoned(lambda event: event.recorded.stream_id == user)
    log = log_knowing(house, poisoned)
    outcome = rebuild(log, accept_differences=True)
    assert outcome.state == "shadow"
    [parked] = outcome.parked
    assert (parked.stream_id, parked.generation) == (user, 2)
    assert "cannot take" in parked.error
    with pytest.raises(RebuildRefused, match="parked list"):
        switch(house.database, log.registry, poisoned)
    [status] = [each for each in read_model_status(house.database) if each.generation == 2]
    assert (status.parked, status.healthy) == (1, False)
    poisoned.refuses = lambda _: False
    [waiting] = parking(log.database, log.registry, log.events, log.clock)
    assert waiting.retry_parked() == (1, 0)
    assert rebuild(log).state == "live"
    assert_alike(house, "_g1", "_g2")


def test_j2_a_shadow_that_cannot_take_a_write_does_not_refuse_it(house: House) -> None:
    populate(house)
    poisoned = Poisoned(lambda event: event.recorded.event.topic == "group.created")
    log = log_knowing(house, poisoned)
    assert rebuild(log).state == "shadow"
    house = House(house.engine, log, house.realms)
    from tests.projections.commands import new_group

    ann = new_user(house, "ann")
    group = new_group(house, "parked")
    add_members(house, group, ann)
    with house.database.reading() as connection:
        parked = [each for each in parked_of_all(connection) if each.stream_id == group]
        assert Checkpoint(poisoned).stale_streams(connection) >= {group}
    assert [each.topic for each in parked] == ["group.created", "group.members-added"]
    assert parked[1].error == FOLLOWS_PARKED
    rows = house.rows()
    assert len(rows["users_g2"]) == len(rows["users_g1"]), "others go on"
    assert len(rows["groups_g2"]) == 0
    poisoned.refuses = lambda _: False
    for waiting in parking(log.database, log.registry, log.events, log.clock):
        assert waiting.retry_parked().left == 0
    assert rebuild(log).state == "live"
    assert_alike(house, "_g1", "_g2")
