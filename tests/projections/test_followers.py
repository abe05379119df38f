"""Followers of the log: every event counts exactly once, a poisoned one stops nobody (ADR 0014)."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, select

from domain.refusals import Unavailable
from projections.activity.g1 import ActivityG1
from projections.followers.checkpoints import FOLLOWS_PARKED, standings
from projections.followers.following import ATTEMPTS, Following, Gathered
from projections.followers.generations import followings
from projections.followers.leader import Leader
from projections.generations import READ, RETIRED, SHADOW, Positioned
from projections.mapper import EventFromTheFuture
from projections.registry import Registry
from projections.states import set_state
from projections.tables import checkpoints, events
from tests.houses import House
from tests.next_generation import Next
from tests.projections.commands import add_members, new_group, new_user
from tests.projections.followed import Notes, following


def positions(house: House) -> list[int]:
    return [position for position, _ in house.log.events.read(0, 1_000_000)]


def test_a_follower_takes_every_event_in_batches(house: House) -> None:
    for number in range(7):
        new_user(house, f"user {number}")
    notes = Notes()
    follower = following(house.log, notes, batch=3)
    assert follower.step() == 3
    assert follower.catch_up() == len(positions(house)) - 3
    assert notes.noted(house.database) == positions(house)
    assert follower.step() == 0


def test_it_goes_on_where_it_stopped(house: House) -> None:
    notes = Notes()
    following(house.log, notes).catch_up()
    new_user(house, "ann")
    following(house.log, notes).catch_up()
    assert notes.noted(house.database) == positions(house)


def test_followers_that_stand_alike_read_the_log_once(house: House) -> None:
    new_user(house, "ann")
    notes = Notes()
    followers = [following(house.log, model) for model in (notes, ActivityG1())]
    gathered = Gathered()
    with house.statements() as seen:
        taken = [follower.step(gathered) for follower in followers]
    assert taken == [len(house.events())] * 2
    assert sum("events.state" in statement for statement in seen) == 1
    assert notes.noted(house.database) == positions(house)
    assert [follower.step(Gathered()) for follower in followers] == [0, 0]


def test_at_the_end_of_the_log_nobody_is_made_to_wait(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = following(house.log, Notes())
    follower.catch_up()

    def asked() -> int:
        raise AssertionError("writers were made to wait for nothing")

    monkeypatch.setattr(house.database, "safe_head", asked)
    assert follower.step() == 0


class Power(BaseException):
    """What ends a process; no handler of errors may swallow it."""


def test_j1_rows_and_checkpoint_move_together_or_not_at_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_user(house, "ann")
    notes = Notes()
    follower = following(house.log, notes)
    cuts = 0

    def cut(where: type, name: str) -> None:
        nonlocal cuts
        before = notes.noted(house.database), _position(follower)
        real = getattr(where, name)

        def fails(*arguments: Any, **named: Any) -> Any:
            real(*arguments, **named)
            raise Power

        with monkeypatch.context() as patched:
            patched.setattr(where, name, fails)
            with pytest.raises(Power):
                follower.step()
        cuts += 1
        assert (notes.noted(house.database), _position(follower)) == before

    checkpoint = type(follower.checkpoint)
    cut(checkpoint, "hold")
    cut(checkpoint, "stale_streams")
    cut(Notes, "project")
    cut(checkpoint, "move")
    assert cuts == 4
    follower.catch_up()
    assert notes.noted(house.database) == positions(house)


def _position(follower: Following) -> int:
    with follower.database.reading() as connection:
        return follower.checkpoint.position(connection)


def test_j2_a_poisoned_event_is_tried_parked_and_stops_no_other_resource(house: House) -> None:
    poisoned, other = new_user(house, "ann"), new_user(house, "bob")
    first = next(p for p, r in house.log.events.read(0, 1_000) if r.stream_id == poisoned)
    notes = Notes(lambda event: event.position == first)
    follower = following(house.log, notes)
    follower.catch_up()
    assert notes.asked > ATTEMPTS, "it was not tried again"
    with house.database.reading() as connection:
        [parked] = follower.checkpoint.parked(connection)
        assert follower.checkpoint.stale_streams(connection) == {poisoned}
    assert (parked.position, parked.stream_id) == (first, poisoned)
    assert "cannot take" in parked.error
    assert notes.noted(house.database) == [p for p in positions(house) if p != first]
    assert other


def test_j2_later_events_of_a_parked_resource_wait_and_a_retry_converges(house: House) -> None:
    ann, bob = new_user(house, "ann"), new_user(house, "bob")
    group = new_group(house, "team", [ann])
    first = next(p for p, r in house.log.events.read(0, 1_000) if r.stream_id == group)
    notes = Notes(lambda event: event.position == first)
    follower = following(house.log, notes)
    follower.catch_up()
    add_members(house, group, bob)
    follower.catch_up()
    with house.database.reading() as connection:
        parked = follower.checkpoint.parked(connection)
    assert [event.stream_id for event in parked] == [group] * len(parked)
    assert len(parked) == 3
    assert {event.error for event in parked[1:]} == {FOLLOWS_PARKED}

    assert follower.retry_parked() == (0, 3), "it still fails, and its followers wait for it"
    notes.refuses = lambda _: False
    assert follower.retry_parked() == (3, 0)
    assert notes.noted(house.database) == positions(house)
    assert follower.retry_parked() == (0, 0)


def test_j3_events_that_were_taken_are_not_taken_again(house: House) -> None:
    new_user(house, "ann")
    notes = Notes()
    follower = following(house.log, notes)
    found = [Positioned(*each) for each in house.log.events.read(0, 1_000)]
    follower._take(0, found)
    follower._take(0, found)
    follower._take(0, found[:2])
    assert notes.noted(house.database) == positions(house)


def test_j3_a_batch_that_does_not_follow_the_checkpoint_is_not_taken(house: House) -> None:
    new_user(house, "ann")
    notes = Notes()
    follower = following(house.log, notes)
    found = [Positioned(*each) for each in house.log.events.read(0, 1_000)]
    follower._take(found[1].position, found[2:])
    assert notes.noted(house.database) == []


def test_j3_two_leaders_at_once_count_every_event_once(house: House) -> None:
    for number in range(30):
        new_user(house, f"user {number}")
    notes = Notes()
    followers = [following(house.log, notes, batch=2) for _ in range(2)]
    failures: list[BaseException] = []

    def run(follower: Following) -> None:
        try:
            follower.catch_up()
        except BaseException as failure:  # noqa: BLE001  # told to the test below
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(follower,)) for follower in followers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert notes.noted(house.database) == positions(house)
    with house.database.reading() as connection:
        assert followers[0].checkpoint.parked(connection) == []


def test_an_outage_parks_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    new_user(house, "ann")
    follower = following(house.log, Notes())

    def gone(_self: Any, _connection: Connection, _events: Sequence[Positioned]) -> None:
        raise Unavailable("the database is busy or gone")

    with monkeypatch.context() as patched:
        patched.setattr(Notes, "project", gone)
        with pytest.raises(Unavailable):
            follower.step()
    assert _position(follower) == 0
    with house.database.reading() as connection:
        assert follower.checkpoint.parked(connection) == []


def test_j7_an_event_of_a_newer_release_stops_the_follower_and_is_not_skipped(
    house: House,
) -> None:
    notes = Notes()
    follower = following(house.log, notes)
    follower.catch_up()
    new_user(house, "ann")
    with house.database.writing() as connection:
        future = events.update().where(events.c.topic == "user.created")
        connection.execute(future.values(topic="user.beamed-up"))
        connection.commit()
    before = notes.noted(house.database)
    with pytest.raises(EventFromTheFuture, match="beamed-up"):
        follower.step()
    assert notes.noted(house.database) == before


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds that a thread of the leader brings about."""
    moment = threading.Event()
    for _ in range(3_000):
        if condition():
            return
        moment.wait(0.01)
    raise AssertionError("it never came to be")


@contextmanager
def starting() -> Iterator[Callable[[Leader], None]]:
    """Give what starts a leader, and stop every one however the block ends: one that goes on
    would write into the output of the tests after this.
    """
    with ExitStack() as started:

        def start(leader: Leader) -> None:
            leader.start()
            started.callback(leader.stop)

        yield start


def test_only_one_process_leads_and_the_next_takes_over_when_it_ends(house: House) -> None:
    notes = Notes()

    follower = following(house.log, notes)
    first, second = (Leader(house.database, lambda _pause: [follower]) for _ in range(2))
    with starting() as start:
        start(first)
        wait_for(lambda: first.leads)
        start(second)
        new_user(house, "ann")
        wait_for(lambda: notes.noted(house.database) == positions(house))
        assert first.leads
        assert not second.leads
        first.stop()
        wait_for(lambda: second.leads)
        new_user(house, "bob")
        wait_for(lambda: notes.noted(house.database) == positions(house))


def test_a_follower_that_cannot_go_on_says_why_and_stops_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck(Notes):
        read_model = "stuck"

    notes, stuck = Notes(), Stuck()
    followers = [following(house.log, stuck), following(house.log, notes)]
    real = Following.step

    def step(self: Following, _gathered: Gathered) -> int:
        if self.model is stuck:
            raise EventFromTheFuture("a newer release wrote it")
        return real(self)

    monkeypatch.setattr(Following, "step", step)
    leader = Leader(house.database, lambda _pause: followers)
    with starting() as start:
        start(leader)
        new_user(house, "ann")
        wait_for(lambda: notes.noted(house.database) == positions(house))
    with house.database.reading() as connection:
        errors = {row.read_model: row.error for row in connection.execute(select(checkpoints))}
    assert "newer release" in errors["stuck"]
    assert errors["notes"] is None


def test_a_batch_that_was_begun_before_a_switch_counts_in_both_generations_once(
    house: House,
) -> None:
    old = ActivityG1()
    new = Next(old)
    registry = Registry([], followed=[old, new])
    for generation in (old, new):
        following(house.log, generation)
    as_they_were = {old.number: READ, new.number: SHADOW}
    after_the_switch = {old.number: RETIRED, new.number: READ}

    def states(wanted: dict[int, str]) -> None:
        with house.database.writing() as connection:
            for number, state in wanted.items():
                set_state(connection, registry, old.read_model, number, state)
            connection.commit()

    states(as_they_were)
    log = house.log
    [begun] = followings(log.database, registry, log.events, log.clock, lambda _: None)
    states(after_the_switch)
    new_user(house, "ann")
    begun.catch_up()
    with house.database.reading() as connection:
        [table], [spare] = old.metadata.sorted_tables, new.metadata.sorted_tables
        rows = [sorted(map(tuple, connection.execute(select(each)))) for each in (table, spare)]
        assert all(each.parked == 0 for each in standings(connection))
    assert rows[0] == rows[1]
    assert sum(row[-2] for row in rows[0]) == len(positions(house))
