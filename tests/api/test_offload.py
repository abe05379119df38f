"""Where calls run: short writes at once, what would wait or take long in a thread (ADR 0011)."""

import threading
from collections.abc import Iterator
from threading import get_ident

import anyio
import pytest

from api.offload import Workers
from domain.refusals import Unavailable, VersionConflict
from projections.engines import backend
from projections.engines.backend import WouldWait
from tests.engines import Engine, only_on
from tests.houses import House, opened_house
from tests.projections.commands import new_user

ON_THE_LOOP = only_on("sqlite", "elsewhere many write at a time, and nobody waits for a turn")


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    with opened_house(engine) as house:
        yield house


def test_a_short_write_runs_where_it_is_asked_for(house: House) -> None:
    ran_in = anyio.run(Workers(house.database).write, lambda: (new_user(house, "ann"), get_ident()))
    assert ran_in[1] == get_ident()


@ON_THE_LOOP
def test_a_write_that_waits_long_for_another_process_runs_in_a_thread(house: House) -> None:
    other = house.beside()
    holding, places = threading.Event(), list[int]()

    def hold() -> None:
        with other.writing():
            holding.set()
            assert waited.wait(20)

    def write() -> str:
        places.append(get_ident())
        if get_ident() != here:
            waited.set()  # the thread may have to wait for the right, and gets it
        return new_user(house, "ann")

    waited, here = threading.Event(), get_ident()
    holder = threading.Thread(target=hold)
    holder.start()
    assert holding.wait(20)
    user_id = anyio.run(Workers(house.database).write, write)
    holder.join()
    other.close()
    assert places[0] == here != places[-1]
    assert house.log.user(house.realms["acme"], user_id).version == 1


@ON_THE_LOOP
def test_a_write_that_comes_while_a_thread_writes_waits_its_turn_on_the_loop(house: House) -> None:
    """Or every write that came meanwhile would follow the first one into a thread."""
    writing, done, places = threading.Event(), threading.Event(), list[int]()

    def hold() -> None:
        with house.database.writing():
            writing.set()
            assert done.wait(20)

    def write() -> str:
        places.append(get_ident())
        return new_user(house, "ann")

    async def meet() -> None:
        workers = Workers(house.database)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(workers.write, write)
            await anyio.lowlevel.checkpoint()
            assert not places, "it began although it could not have ended"
            done.set()

    holder = threading.Thread(target=hold)
    holder.start()
    assert writing.wait(20)
    anyio.run(meet)
    holder.join()
    assert places == [get_ident()]


def test_what_may_take_long_begins_again_in_a_thread_and_has_done_nothing(
    house: House,
) -> None:
    before, places = house.rows(), list[int]()

    def write() -> None:
        places.append(get_ident())
        assert house.rows() == before
        house.database.may_take_long()

    anyio.run(Workers(house.database).write, write)
    assert places[0] == get_ident() != places[1]


@ON_THE_LOOP
def test_patience_is_given_back_after_a_write_that_would_have_waited(house: House) -> None:
    other = house.beside()
    with (
        other.writing(),
        house.database.not_waiting(),
        pytest.raises(WouldWait),
        house.database.writing(),
    ):
        pass
    other.close()
    with house.database.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5_000


def test_what_is_no_point_read_runs_in_a_thread(house: House) -> None:
    workers = Workers(house.database)
    assert anyio.run(workers.glance, get_ident) == get_ident()
    assert anyio.run(workers.read, get_ident) != get_ident()


def test_a_conflict_is_decided_again_in_a_thread_where_it_may_pause(house: House) -> None:
    places = list[int]()

    def write() -> str:
        places.append(get_ident())
        if len(places) == 1:
            raise VersionConflict("others got in the way")
        return new_user(house, "ann")

    anyio.run(Workers(house.database).write, house.log.repeated, write)
    assert places[0] == get_ident() != places[1]


def test_who_waits_too_long_for_a_thread_is_told_to_come_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.offload.WAIT_SECONDS", 0.01)
    assert backend.WAIT_SECONDS == 5

    async def crowd() -> None:
        workers, released = Workers(house.database), threading.Event()
        workers._readers.total_tokens = 1
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(workers.read, released.wait, 20)
            while not workers._readers.borrowed_tokens:
                await anyio.lowlevel.checkpoint()
            with pytest.raises(Unavailable, match="busy"):
                await workers.read(lambda: None)
            released.set()

    anyio.run(crowd)


def test_a_kept_connection_that_failed_goes_back_to_the_pool(house: House) -> None:
    house.database.settle()
    with pytest.raises(ZeroDivisionError), house.database.reading():
        raise ZeroDivisionError
    with house.database.reading() as first:
        pass
    with house.database.reading() as second, house.database.reading() as nested:
        assert second is first
        assert nested is not second
