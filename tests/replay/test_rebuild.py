"""A read model is filled beside live writes, verified, switched to, and back (ADR 0021)."""

from collections.abc import Iterator
from threading import Event, Lock
from typing import Any

import pytest
from sqlalchemy import text

from api.composition import known_generations
from domain.refusals import Unavailable
from projections import registry
from projections.activity.g1 import ActivityG1
from projections.audit.g1 import AuditG1
from projections.database import Database
from projections.directory import Page, Query, live_directory
from projections.directory.g1 import DirectoryG1
from projections.followers.generations import followings
from projections.generations import Generation
from projections.migration import WrongSchema, check_migrated, migrate
from projections.processes import Presence, list_unaware
from projections.realm_streams import read_streams
from projections.registry import Registry
from projections.snapshots.g1 import SnapshotsG1
from projections.spans.g1 import SpansG1
from projections.states import states_of
from replay.rebuilding import filling
from replay.rebuilding.ends import drop_others, switch_back
from replay.rebuilding.filling import Filler
from replay.rebuilding.progress import unwatched
from replay.rebuilding.rebuild import Rebuild
from replay.rebuilding.refusals import HeldByAnother, ProcessesUnaware, RebuildRefused
from replay.status import read_model_status
from tests.engines import Engine, only_on
from tests.houses import House, opened_house
from tests.next_generation import Next
from tests.projections.commands import add_members, new_group
from tests.projections.followed import following
from tests.replay.rebuilt import (
    assert_alike,
    displayed,
    log_knowing,
    new_user,
    populate,
    rebuild,
    spoil,
    states,
)

MODELS: dict[str, Generation] = {"directory": DirectoryG1(), "spans": SpansG1()}


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    with opened_house(engine, slugs=("acme", "other")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads beside these tests, so nobody has to be waited for."""
    monkeypatch.setattr("replay.rebuilding.dropping.CACHE_SECONDS", 0)
    monkeypatch.setattr(registry, "CACHE_SECONDS", 0)


def test_the_declaration_that_is_read_is_built_anew_in_spare_tables(house: House) -> None:
    populate(house)
    before = house.rows()
    outcome = rebuild(house.log, full=True)
    assert (outcome.state, outcome.generation) == ("live", -1)
    assert outcome.comparison is not None
    assert outcome.comparison.total == 0
    assert outcome.comparison.documents == 7
    assert states(house) == {1: "live", -1: "retired"}
    after = house.rows()
    assert {name: after[name] for name in DirectoryG1.metadata.tables} == {
        name: before[name] for name in DirectoryG1.metadata.tables
    }
    new_user(house, "later")
    assert_alike(house, "_g1", "_g1_spare")


def test_a_newer_declaration_is_filled_and_read_and_the_old_one_is_the_way_back(
    house: House,
) -> None:
    populate(house)
    log = log_knowing(house, Next(MODELS["directory"]))
    outcome = rebuild(log, full=True)
    assert (outcome.state, outcome.generation) == ("live", 2)
    assert states(house) == {1: "retired", 2: "live"}
    later = new_user(house, "later", log=log)
    assert_alike(house, "_g1", "_g2")
    with house.database.reading() as connection:
        read = live_directory(log.registry, connection)
        assert read.number == 2
        count, found = read.find(
            connection,
            *(_user_schema(), house.realms["acme"], Query(f'id eq "{later}"'), Page(0, 1)),
        )
    assert (count, found[0].id) == (1, later)
    assert switch_back(house.database, log.registry, "directory").number == 1
    assert states(house) == {1: "live", 2: "retired"}
    [dropped] = drop_others(house.database, log.registry, "directory")
    assert dropped.number == 2
    assert states(house) == {1: "live"}
    assert not any(name.endswith("_g2") for name in house.rows())


def _user_schema() -> Any:
    from domain.schemas import USER

    return USER


@pytest.mark.parametrize("read_model", ["directory", "spans"])
def test_what_is_written_meanwhile_is_in_it(
    house: House, monkeypatch: pytest.MonkeyPatch, read_model: str
) -> None:
    ids = populate(house)
    log, wrote = log_knowing(house, Next(MODELS[read_model])), list[str]()
    one_at_a_time = Lock()

    def writes_after(step: str) -> None:
        real = getattr(Filler, step)

        def then_write(self: Filler, *arguments: Any, **named: Any) -> Any:
            answer = real(self, *arguments, **named)
            with one_at_a_time:  # realms are filled by threads
                wrote.append(new_user(house, f"after {step} {len(wrote)}", log=log))
                add_members(house, new_group(house, f"group {len(wrote)}", ids), wrote[-1])
            return answer

        monkeypatch.setattr(Filler, step, then_write)

    house = House(house.engine, log, house.realms)
    for step in ("begin", "_piece", "_note_realms_done", "_follow", "finish"):
        writes_after(step)
    assert rebuild(log, read_model).state == "live"
    assert len(wrote) >= 5
    new_user(house, "later")
    tables = {"directory": "users", "spans": "member_spans"}
    assert_alike(house, "_g1", "_g2", read_model=tables[read_model])


def test_a_repair_shows_what_differs_and_switches_when_told_to(house: House) -> None:
    user = populate(house)[3]
    spoil(house, user)
    refused = rebuild(house.log)
    assert refused.state == "shadow"
    assert refused.comparison is not None
    [difference] = refused.comparison.differences
    assert (difference.table, difference.resource) == ("users_g1", user)
    assert (difference.column, difference.old, difference.new) == (
        *("display_name_key", "nobody"),
        "user 3",
    )
    assert displayed(house, user) == "nobody"
    accepted = rebuild(house.log, accept_differences=True)
    assert accepted.state == "live"
    assert displayed(house, user) == "user 3"
    switch_back(house.database, house.log.registry, "directory")
    assert displayed(house, user) == "nobody"


def test_connections_that_know_the_old_tables_go_on_after_the_names_changed(house: House) -> None:
    populate(house)
    other = house.beside()
    for number in range(3):
        new_user(house, f"before {number}")
        rebuild(house.log)
        new_user(house, f"after {number}")
        with other.reading() as connection:
            count, _ = live_directory(house.log.registry, connection).find(
                connection, _user_schema(), house.realms["acme"], Query(), Page(0, 1)
            )
        assert count == 6 + 2 * (number + 1)
    assert_alike(house, "_g1", "_g1_spare")
    other.close()


def test_one_realm_can_be_filled_first(house: House) -> None:
    populate(house)
    new_user(house, "ann", "other")
    log = log_knowing(house, Next(MODELS["directory"]))
    assert rebuild(log, realm=house.realms["acme"]).state == "filling"
    rows = house.rows()["users_g2"]
    assert len(rows) == 6
    assert {row[0] for row in rows} == {house.realms["acme"]}
    assert rebuild(log, realm=house.realms["other"]).state == "live"
    assert_alike(house, "_g1", "_g2")


class Cut(BaseException):
    """What ends a process; no handler of errors may swallow it."""


@pytest.mark.parametrize("piece", range(1, 8, 2))
def test_it_goes_on_where_it_was_cut_off(
    house: House, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    populate(house)
    monkeypatch.setattr("replay.rebuilding.pace._FIRST", 2)
    monkeypatch.setattr("replay.rebuilding.pace._MOST", 2)
    log = log_knowing(house, Next(MODELS["directory"]))
    asked, given = 0, list[int]()
    real = Next.project

    def cut(self: Next, connection: Any, events: Any) -> None:
        nonlocal asked
        asked += 1
        if asked == piece:
            raise Cut
        given.extend(event.position for event in events)
        real(self, connection, events)

    monkeypatch.setattr(Next, "project", cut)
    with pytest.raises(Cut):
        rebuild(log)
    assert states(house) == {1: "live", 2: "filling"}
    new_user(house, "meanwhile")
    assert rebuild(log).state == "live"
    assert len(given) == len(set(given)), "an event that was in was taken again"
    assert_alike(house, "_g1", "_g2")


def test_two_rebuilds_exclude_each_other_and_say_who_is_at_work(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(house)
    log = log_knowing(house, Next(MODELS["directory"]))
    refusals = list[str]()
    real = Filler.fill

    def while_another_tries(self: Filler, only: str | None = None) -> bool:
        with monkeypatch.context() as alone:
            alone.setattr(Filler, "fill", real)
            for act in (
                lambda: rebuild(log),
                lambda: drop_others(house.database, log.registry, "directory"),
            ):
                with pytest.raises(HeldByAnother) as refused:
                    act()
                refusals.append(str(refused.value))
            assert rebuild(log, "spans").state == "live", "another read model is free"
        return real(self, only)

    monkeypatch.setattr(Filler, "fill", while_another_tries)
    assert rebuild(log).state == "live"
    assert len(refusals) == 2
    assert all("process " in line and " on " in line for line in refusals)


def test_two_fillings_at_once_cannot_take_an_event_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the lock fails, the note of how far it has come is held by one of them."""
    populate(house)
    log = log_knowing(house, Next(MODELS["directory"]))

    class Free:
        def held(self) -> bool:
            return True

        def release(self) -> None:
            pass

    monkeypatch.setattr(type(house.database), "hold", lambda *_, **__: Free())
    real, nested = read_streams, list[BaseException]()

    def read_and_be_overtaken(*arguments: Any, **named: Any) -> Any:
        found = real(*arguments, **named)
        with monkeypatch.context() as alone:
            alone.setattr(filling, "read_streams", real)
            if not nested:
                nested.append(Cut())
                assert rebuild(log).state == "live"
        return found

    monkeypatch.setattr(filling, "read_streams", read_and_be_overtaken)
    with pytest.raises(RebuildRefused):
        rebuild(log)
    assert nested
    assert_alike(house, "_g1", "_g2")


def test_a_process_that_does_not_know_the_generation_is_asked_for_first(house: House) -> None:
    populate(house)
    log = log_knowing(house, Next(MODELS["directory"]))
    other = house.beside()
    old = Presence(other, house.log.registry, house.log.clock)
    old.keep()
    knows = Presence(house.database, log.registry, house.log.clock)
    knows.keep()
    with pytest.raises(ProcessesUnaware, match=r"process .* does not know directory generation 2"):
        rebuild(log)
    assert states(house) == {1: "live", 2: "filling"}
    assert old._lock is not None
    old._lock.release()  # as the end of a process does
    assert rebuild(log).state == "live"
    knows.leave()
    other.close()
    assert house.rows()["processes"] == []


def test_a_writer_that_does_not_know_a_written_generation_is_refused(house: House) -> None:
    populate(house)
    log = log_knowing(house, Next(MODELS["directory"]))
    rebuild(log)
    with pytest.raises(Unavailable, match="generation 2, which this release does not know"):
        new_user(house, "ann")
    assert new_user(house, "ann", log=log)


def test_a_release_that_does_not_know_what_is_written_is_not_served(house: House) -> None:
    populate(house)
    log = log_knowing(house, Next(MODELS["directory"]), followed=[AuditG1()])
    following(house.log, AuditG1())
    rebuild(log)
    check_migrated(house.database, log.registry)
    with pytest.raises(WrongSchema, match=r"generation 2 \(live\) that this release does not know"):
        check_migrated(house.database, house.log.registry)
    newer = Registry([Next(MODELS["directory"]), MODELS["spans"]])
    with pytest.raises(WrongSchema, match=r"generation 1 \(retired\).* drop what is not read"):
        check_migrated(house.database, newer)
    drop_others(house.database, log.registry, "directory")
    check_migrated(house.database, newer)


def test_a_fresh_database_begins_with_the_newest_generation(engine: Engine) -> None:
    with engine.empty() as url:
        database = engine.opened(url)
        registry = Registry([*MODELS.values(), Next(MODELS["directory"])])
        migrate(database, registry)
        with database.reading() as connection:
            assert states_of(connection, "directory") == {2: "live"}
        check_migrated(database, registry)
        database.close()


FOLLOWERS: dict[str, Generation] = {
    "activity": ActivityG1(),
    "audit": AuditG1(),
    "snapshots": SnapshotsG1(interval=1),
}


@pytest.mark.parametrize("read_model", FOLLOWERS)
def test_a_follower_is_rebuilt_and_both_generations_move_in_step(
    house: House, read_model: str
) -> None:
    model = FOLLOWERS[read_model]
    log = log_knowing(house, followed=[model])
    following(house.log, model)
    populate(house)
    _follow(log)
    assert rebuild(log, read_model).state == "live"
    assert states(house, read_model) == {1: "live", -1: "retired"}
    populate_more = new_user(house, "later")
    _follow(log)
    assert populate_more
    assert_alike(house, "_g1", "_g1_spare", read_model=read_model)
    both = log_knowing(house, followed=[model, Next(model)])
    assert rebuild(both, read_model).state == "live"
    assert states(house, read_model) == {1: "retired", 2: "live"}
    new_user(house, "last")
    _follow(both)
    assert_alike(house, "_g1", "_g2", read_model=read_model)
    switch_back(house.database, both.registry, read_model)
    new_user(house, "back")
    _follow(both)
    assert_alike(house, "_g1", "_g2", read_model=read_model)
    drop_others(house.database, both.registry, read_model)
    assert states(house, read_model) == {1: "live"}


def test_every_read_model_is_rebuilt_somewhere_here() -> None:
    assert {*MODELS, *FOLLOWERS} == set(known_generations().read_models)


def _follow(log: Any) -> None:
    for each in followings(log.database, log.registry, log.events, log.clock, lambda _: None):
        each.catch_up()


def test_leftovers_are_dropped_before_the_next_one_is_built(house: House) -> None:
    populate(house)
    said = list[str]()
    rebuild(house.log)
    log = log_knowing(house, Next(MODELS["directory"]))
    assert Rebuild(log, "directory", say=said.append).run().state == "live"
    assert states(house) == {1: "retired", 2: "live"}
    assert said == ["directory generation 1 (spare tables) (retired) is dropped first"]


def test_there_is_nothing_to_switch_back_to_before_a_switch(house: House) -> None:
    with pytest.raises(RebuildRefused, match="no retired generation"):
        switch_back(house.database, house.log.registry, "directory")
    with pytest.raises(RebuildRefused, match="there are directory, spans"):
        rebuild(house.log, "nothing")


@only_on("postgresql", "only there does a reader hold a table against a change of its name")
def test_a_reader_that_reads_for_long_holds_up_the_switch_and_not_the_writers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(house)
    pauses = list[float]()
    reading = house.database.reading()
    connection = reading.__enter__()
    connection.execute(text("SELECT count(*) FROM users_g1"))

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        new_user(house, f"meanwhile {len(pauses)}")
        if len(pauses) == 2:
            connection.rollback()

    monkeypatch.setattr("replay.rebuilding.switching.time.sleep", pause)
    assert rebuild(house.log).state == "live"
    assert len(pauses) >= 2
    reading.__exit__(None, None, None)


def test_a_process_is_known_of_once_that_could_be_written_down(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    presence = Presence(house.database, house.log.registry, house.log.clock)

    def busy(_: Database) -> None:
        raise Unavailable("the database is busy")

    with monkeypatch.context() as patched:
        patched.setattr(Database, "writing_beside", busy)
        with pytest.raises(Unavailable):
            presence.keep()
    presence.keep()
    assert len(list_unaware(house.database, "directory", 9)) == 1
    presence.leave()
    assert list_unaware(house.database, "directory", 9) == []


def test_status_says_how_far_a_filling_is_whole(house: House) -> None:
    populate(house)
    log = log_knowing(house, Next(MODELS["directory"]))
    hold = house.database.hold("rebuild-directory")
    assert hold is not None
    live, new = log.registry.every["directory", 1], log.registry.every["directory", 2]
    filler = Filler(log, new, live, hold, unwatched, Event())

    def position() -> tuple[str, int]:
        found = read_model_status(house.database, pause=None)
        [filled] = [each for each in found if each.generation == 2]
        return filled.state, filled.position

    filler.begin()
    assert position() == ("filling", 0)
    filler.fill()
    assert position() == ("filling", newest(house))
    hold.release()


def newest(house: House) -> int:
    return max(position for position, _ in house.log.events.read(0, 1_000))
