"""How far every read model has come, how fast, and whether somebody has to do something."""

from collections.abc import Iterator, Sequence
from uuid import uuid4

import pytest

from projections.followers.following import Following
from replay.status import SAMPLE_SECONDS, STALLED_SECONDS, ModelStatus, read_model_status
from tests.engines import Engine
from tests.houses import House, opened_house
from tests.projections.commands import new_user
from tests.projections.followed import Notes, following

BEGAN = 1_900_000_000_000_000
_SECOND = 1_000_000


class Clock:
    """Stands still unless told to go on."""

    def __init__(self) -> None:
        self.now = BEGAN

    def __call__(self) -> int:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += int(seconds * _SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(engine: Engine, clock: Clock) -> Iterator[House]:
    with opened_house(engine, clock=clock) as opened:
        yield opened


@pytest.fixture
def follower(house: House) -> Following:
    made = following(house.log, Notes(), batch=10)
    made.catch_up()
    return made


def write(house: House, users: int) -> None:
    for _ in range(users):
        new_user(house, uuid4().hex)


def status(house: House, clock: Clock) -> Sequence[ModelStatus]:
    return read_model_status(house.database, clock, clock.go_on)


def notes(house: House, clock: Clock) -> ModelStatus:
    [found] = [each for each in status(house, clock) if each.read_model == "notes"]
    return found


def test_what_is_in_step_moves_as_fast_as_events_are_recorded(
    house: House, clock: Clock, follower: Following
) -> None:
    clock.go_on(3600)
    write(house, 30)
    follower.catch_up()
    before = clock.now
    found = status(house, clock)
    assert [each.read_model for each in found] == ["directory", "spans", "notes"]
    for each in found:
        assert (each.lag, each.lag_seconds, each.rate, each.healthy) == (0, 0, 0.5, True)
    assert clock.now == before  # nothing is behind: nobody waited
    assert [each.state for each in found] == ["live", "live", "following"]
    clock.go_on(3600)
    assert {each.rate for each in status(house, clock)} == {0}


def test_what_is_behind_is_looked_at_twice(house: House, clock: Clock, follower: Following) -> None:
    write(house, 50)
    clock.go_on(7)

    def others_go_on(seconds: float) -> None:
        clock.go_on(seconds)
        follower.step()

    found = read_model_status(house.database, clock, others_go_on)
    own = found[-1]
    assert (own.state, own.lag, own.healthy) == ("behind", 40, True)
    assert own.rate == 10 / SAMPLE_SECONDS
    assert own.lag_seconds == pytest.approx(7 + SAMPLE_SECONDS, abs=0.01)
    assert [each.lag for each in found[:-1]] == [0, 0]


def test_one_look_is_enough_for_who_asks_again(
    house: House, clock: Clock, follower: Following
) -> None:
    write(house, 5)
    found = read_model_status(house.database, clock, pause=None)
    assert (found[-1].lag, found[-1].rate) == (5, 0)


def test_a_follower_that_nobody_moves_waits_for_an_operator(
    house: House, clock: Clock, follower: Following
) -> None:
    write(house, 25)
    clock.go_on(STALLED_SECONDS - 2)
    assert notes(house, clock).healthy
    clock.go_on(2)
    found = notes(house, clock)
    assert (found.state, found.healthy) == ("stalled", False)
    assert "rollbook serve" in (found.advice or "")
    follower.step()  # it moves, however far it is behind
    assert (notes(house, clock).state, notes(house, clock).lag) == ("behind", 15)


def test_a_quiet_night_is_no_stall(house: House, clock: Clock, follower: Following) -> None:
    clock.go_on(40_000)
    write(house, 1)
    found = notes(house, clock)
    assert (found.state, found.lag, found.healthy) == ("behind", 1, True)


def test_what_is_parked_says_about_how_many_resources_and_why(house: House, clock: Clock) -> None:
    ann, bob = new_user(house, "ann"), new_user(house, "bob")
    follower = following(house.log, Notes(refuses=lambda e: e.recorded.stream_id in {ann, bob}))
    follower.catch_up()
    found = notes(house, clock)
    assert (found.parked, found.stale, found.lag, found.state) == (2, 2, 0, "following")
    assert (found.error or "").startswith("ValueError('cannot take")
    assert "2 events about 2 resources are parked" in (found.advice or "")


def test_a_follower_that_does_not_get_on_says_why(
    house: House, clock: Clock, follower: Following
) -> None:
    follower.record_failure(RuntimeError("no such column"))
    found = notes(house, clock)
    assert (found.state, found.healthy) == ("stuck", False)
    assert "no such column" in (found.advice or "")
    write(house, 1)
    follower.catch_up()
    assert notes(house, clock).healthy
