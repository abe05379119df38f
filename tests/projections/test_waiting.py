"""Calls on the event loop that wait for PostgreSQL: others go on, and nothing is left half done."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, bindparam, func, literal, select, text

from api.offload import Workers
from domain.commands import PatchUser
from domain.handlers.users import patch_user
from domain.patching import AttributeOperation
from domain.refusals import Unavailable
from domain.schemas import USER
from domain.user import User
from projections.database import Database
from projections.engines.postgresql import POOL_SIZE
from projections.engines.sessions import Session
from projections.engines.waiting import on_the_loop
from projections.prepared import Prepared
from projections.tables import realms
from tests.engines import Engine, only_on
from tests.houses import House, opened_house
from tests.projections.commands import new_user

R = TypeVar("R")
TURNS = 20
"""Turns of the event loop that show that it goes on."""
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
ONE = Prepared(select(literal(1)))
LOCK = Prepared(select(realms.c.slug).with_for_update())
LENGTH = Prepared(select(func.length(bindparam("told"))))

pytestmark = only_on("postgresql", "an embedded engine is nowhere to be waited for")


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    with opened_house(engine) as house:
        yield house


def one(database: Database) -> int:
    with database.glancing() as connection:
        return int(ONE.first(connection)[0])


def locked(database: Database) -> str:
    """Lock the one realm, which whoever holds it makes wait."""
    with database.writing() as connection:
        return str(LOCK.first(connection)[0])


@contextmanager
def holding(house: House) -> Iterator[Callable[[], int]]:
    """Hold the lock; give what counts the sessions that wait for a lock."""
    other = house.beside()
    with other.writing() as connection:
        LOCK.first(connection)
        yield lambda: _count(house)
    other.close()


def _count(house: House) -> int:
    def count() -> int:
        with house.database.reading() as connection:
            return int(connection.execute(WAITING).scalar_one())

    found = list[int]()
    asking = threading.Thread(target=lambda: found.append(count()))
    asking.start()
    asking.join()
    return found[0]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # it is the server that is asked
            await asyncio.sleep(0)


def run(main: Coroutine[Any, Any, R]) -> R:
    return asyncio.run(main)


@pytest.mark.parametrize("prepared", [True, False], ids=["prepared", "through the driver"])
def test_who_waits_for_a_lock_holds_nobody_up(house: House, prepared: bool) -> None:
    database, workers = house.database, Workers(house.database)

    def waits() -> str:
        if prepared:
            return locked(database)
        with database.writing() as connection:
            return str(connection.scalar(LOCK.statement))

    async def meet() -> None:
        with holding(house) as waiting:
            held_up = asyncio.create_task(workers.write(waits))
            await until(lambda: waiting() == 1)
            for _ in range(TURNS):
                assert await workers.glance(one, database) == 1
                await workers.write(new_user, house, f"user-{_}")
            assert not held_up.done()
        assert await held_up == "acme"

    run(meet())


def test_a_call_gives_its_result_and_raises_what_it_raised(house: House) -> None:
    assert run(on_the_loop(lambda: one(house.database))) == 1
    with pytest.raises(ZeroDivisionError):
        run(on_the_loop(lambda: one(house.database) // 0))


def test_a_call_has_one_connection_and_gives_it_back(house: House) -> None:
    seen = list[int]()

    def call() -> None:
        for _ in range(3):
            with house.database.writing() as connection:
                seen.append(ident(connection))
                connection.commit()
            with house.database.glancing() as connection:
                seen.append(ident(connection))

    run(on_the_loop(call))
    assert len(set(seen)) == 1
    assert house.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def ident(connection: Connection) -> int:
    return int(connection.connection.dbapi_connection.info.backend_pid)  # type: ignore[union-attr]


def test_a_cancelled_call_ends_whole(house: House) -> None:
    """ABUSE H13: the client hangs up while its write waits for the server."""

    async def meet() -> None:
        workers, rest = Workers(house.database), list[str]()

        def write() -> str:
            locked(house.database)
            rest.append(new_user(house, "ann"))
            return rest[0]

        with holding(house) as waiting:
            writing = asyncio.create_task(workers.write(write))
            await until(lambda: waiting() == 1)
            writing.cancel()
            for _ in range(TURNS):
                await asyncio.sleep(0)
            assert not writing.done(), "it was left behind in the middle"
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert house.log.user(house.realms["acme"], rest[0]).version == 1
        assert await workers.glance(one, house.database) == 1
        assert workers._writers.borrowed_tokens == 0

    run(meet())
    assert house.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_a_call_left_behind_with_its_loop_leaves_no_connection_in_use(house: House) -> None:
    async def leave() -> None:
        asyncio.create_task(Workers(house.database).write(locked, house.database))  # noqa: RUF006
        await until(lambda: waiting() == 1)

    with holding(house) as waiting:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leave())
        left = asyncio.all_tasks(loop)
        for _ in range(2):  # a second time: nothing is left but to give up
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.run_until_complete(asyncio.sleep(0))
        assert all(task.done() for task in left)
        loop.close()
    assert house.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert new_user(house, "ann")


def test_a_server_that_ends_the_session_in_the_middle_is_an_outage(house: House) -> None:
    ended = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type='Lock'"
    )

    async def meet() -> None:
        workers = Workers(house.database)
        with holding(house) as waiting:
            writing = asyncio.create_task(workers.write(locked, house.database))
            await until(lambda: waiting() == 1)
            other = house.beside()
            with other.reading() as connection:
                assert connection.scalar(ended) == 1
            other.close()
            with pytest.raises(Unavailable):
                await writing
        assert await workers.write(locked, house.database) == "acme"

    run(meet())


def test_the_servers_own_patience_ends_a_call(house: House) -> None:
    def call(connection: Connection) -> None:
        connection.execute(text("SET LOCAL lock_timeout = '10ms'"))
        LOCK.first(connection)

    def write() -> None:
        with house.database.writing() as connection:
            call(connection)

    with holding(house), pytest.raises(Unavailable):
        run(Workers(house.database).write(write))


def test_connections_are_made_where_they_hold_nobody_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, connect = list[int](), Session.connect

    def connecting(*arguments: Any, **named: Any) -> Any:
        made.append(get_ident())
        return connect(*arguments, **named)

    monkeypatch.setattr(Session, "connect", connecting)
    house.database.engine.dispose()
    assert run(Workers(house.database).glance(one, house.database)) == 1
    assert made
    assert get_ident() not in made


def test_a_call_waits_for_the_pool_and_the_loop_goes_on(house: House) -> None:
    taken = [house.database.engine.connect() for _ in range(POOL_SIZE)]

    async def meet() -> None:
        glance = asyncio.create_task(Workers(house.database).glance(one, house.database))
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert not glance.done()
        taken.pop().close()
        assert await glance == 1

    run(meet())
    for connection in taken:
        connection.close()


def test_a_statement_larger_than_the_socket_takes_is_sent_in_turns(house: House) -> None:
    told = "x" * 30_000_000

    def call() -> int:
        with house.database.glancing() as connection:
            return int(LENGTH.first(connection, {"told": told})[0])

    assert run(on_the_loop(call)) == len(told)


def test_many_writers_write_among_one_another(house: House) -> None:
    user_id = new_user(house, "shared")
    most = list[int]()

    def create(number: int) -> str:
        most.append(workers._writers.borrowed_tokens)
        return new_user(house, f"user-{number}")

    def rename(number: int) -> None:
        operation = AttributeOperation("replace", "displayName", f"name {number}")
        house.log.handle(patch_user, PatchUser(house.cause(), user_id, [operation]))

    async def meet() -> list[str]:
        creating = [workers.write(create, number) for number in range(60)]
        renaming = [workers.write(rename, number) for number in range(20)]
        return (await asyncio.gather(*creating, *renaming))[:60]  # type: ignore[return-value]

    workers = Workers(house.database)
    ids = run(meet())
    assert len(set(ids)) == 60
    assert 1 < max(most) <= house.database.backend.writers
    assert house.log.user(house.realms["acme"], user_id).version == 21
    assert set(ids) <= {recorded.stream_id for recorded in house.events()}
    versions = [e.originator_version for e in house.events() if e.stream_id == user_id]
    assert versions == sorted(versions), "positions do not rise with versions"


def test_a_name_taken_again_stands_in_the_log_after_its_release(house: House) -> None:
    """Whoever waits for a claim draws its position only when it has it."""
    ann = new_user(house, "ann")
    stream = house.log.user(house.realms["acme"], ann)

    async def meet() -> str:
        with house.log.transaction(house.cause()) as work:
            work.lock(written=[ann])
            work.claims.release("userName", stream.state.name_key)
            work.claims.take("userName", "annie", ann)  # both are with the server now
            doc = {**stream.state.document, "displayName": "Ann"}
            taking = asyncio.create_task(Workers(house.database).write(new_user, house, "ann"))
            await until(lambda: _count(house) == 1)
            # Two events: their positions are drawn as they are inserted, at the end.
            work.append(ann, USER.name, [*stream.state.change(doc), *User(doc).delete()])
        return await taking

    again = run(meet())
    order = [recorded.stream_id for recorded in house.events()]
    assert order[-4:] == [ann, ann, ann, again]
