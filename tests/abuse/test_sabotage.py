"""Each protection switched off once: the attack that it stops then succeeds, and is noticed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, text

from domain import comparison
from domain.commands import CreateGroup, CreateUser, PatchGroup, ReplaceGroup
from domain.handlers.groups import create_group, patch_group, replace_group
from domain.handlers.users import create_user
from domain.patching import MemberDelta
from domain.ports import Written
from domain.refusals import Refusal, UserNameTaken
from domain.schemas import USER
from projections import beside
from projections.beside import SqlClaims, SqlMemberships
from projections.database import Database
from projections.log import SqlLog
from projections.prepared import Prepared
from projections.tables import streams
from tests import derived
from tests.engines import Engine, only_on
from tests.houses import House, opened_house

Handler = Callable[[Any, Any], Written]
MEETING_SECONDS = 0.5
"""How long a writer waits for the other one; where they are kept apart, nobody comes."""


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    with opened_house(engine) as opened:
        yield opened


def _create(house: House, name: str) -> str:
    return house.log.handle(create_user, CreateUser(house.cause(), {"userName": name})).id


def _assert_one_name(house: House, first: str, second: str) -> None:
    """The attack of G6 and H1: a second user of a name that is taken."""
    _create(house, first)
    with pytest.raises(UserNameTaken):
        _create(house, second)


@pytest.mark.parametrize("second", ["STRASSE", "ｓｔｒａßｅ"])
def test_g6_sabotage_lower_instead_of_folding_lets_a_double_in(
    house: House, monkeypatch: pytest.MonkeyPatch, second: str
) -> None:
    _assert_one_name(house, "straße", second)
    monkeypatch.setattr(comparison, "folded", str.lower)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        _assert_one_name(house, "straße 2", f"{second} 2")


def test_h1_sabotage_a_claim_that_never_refuses_lets_a_double_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _assert_one_name(house, "ann", "ANN")
    monkeypatch.setattr(SqlClaims, "take", lambda *_: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        _assert_one_name(house, "bob", "BOB")


def _add_at_once(house: House, handler: Handler) -> None:
    """The attack of H4 by two processes: each adds another member to one group."""
    ids = [_create(house, f"user {number}") for number in range(2)]
    team = house.log.handle(
        create_group, CreateGroup(house.cause(), {"displayName": "team"}, MemberDelta())
    ).id
    elsewhere = house.beside()
    logs = [house.log, SqlLog(elsewhere, house.log.registry, house.log.key)]
    refused: list[Refusal] = []

    def add(log: SqlLog, id_: str) -> None:
        command = PatchGroup(house.cause(), team, (), MemberDelta(add=frozenset([id_])))
        try:
            log.handle(handler, command)
        except Refusal as refusal:
            refused.append(refusal)

    threads = [Thread(target=add, args=pair) for pair in zip(logs, ids, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    elsewhere.close()
    assert not refused, refused
    members = {row[2] for row in house.rows()["members"]}
    assert members == set(ids), "an answered member is lost"


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> Barrier:
    """Make writers wait for each other just before they write member rows."""
    both, add = Barrier(2), SqlMemberships.add

    def add_together(self: SqlMemberships, *arguments: Any) -> Any:
        with suppress(BrokenBarrierError):
            both.wait(MEETING_SECONDS)
        return add(self, *arguments)

    monkeypatch.setattr(SqlMemberships, "add", add_together)
    return both


def test_h4_two_processes_never_write_at_once(house: House, meeting: Barrier) -> None:
    _add_at_once(house, patch_group)
    assert meeting.broken, "they met: both held the right to write"


@only_on("sqlite", "no other engine begins deferred")
def test_h4_sabotage_a_deferred_begin_fails_one_of_two_writers(
    house: House, meeting: Barrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def deferred(self: Database) -> Iterator[Connection]:
        with self._translated(), self.engine.connect() as connection:
            yield connection

    monkeypatch.setattr(Database, "writing", deferred)
    with pytest.raises(AssertionError, match="busy or gone"):
        _add_at_once(house, patch_group)
    assert not meeting.broken, "they never met: the fault did not fire"


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read head rows without locking them."""
    one = beside._OF_REALM.where(streams.c.id == bindparam("id"))
    monkeypatch.setattr(beside, "_REFERRED", beside._HEADS.where(streams.c.type == USER.name))
    monkeypatch.setattr(beside, "_WRITTEN", beside._HEADS)
    monkeypatch.setattr(beside, "_WRITTEN_ONE", Prepared(one))


@only_on("postgresql", "where one writes at a time, no head is locked")
def test_h4_sabotage_heads_that_are_not_locked_are_noticed_by_their_version(
    house: House, meeting: Barrier, unlocked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[float] = []
    monkeypatch.setattr("projections.log.time.sleep", again.append)
    _add_at_once(house, patch_group)
    assert again, "nobody had to decide again: they never met"


@only_on("postgresql", "where one writes at a time, no head is locked")
def test_h4_sabotage_without_locks_and_without_unique_versions_the_log_contradicts_itself(
    house: House, meeting: Barrier, unlocked: None
) -> None:
    with house.database.migrating() as connection:
        connection.execute(text("ALTER TABLE events DROP CONSTRAINT events_stream_version"))
        connection.commit()
    _add_at_once(house, patch_group)
    with pytest.raises(AssertionError, match="RecordedEvent"):
        derived.beside(house.events())


def test_h4_sabotage_a_handler_that_writes_the_set_it_read_loses_a_member(
    house: House,
) -> None:
    both = Barrier(2)

    def reads_then_writes(command: PatchGroup, log: SqlLog) -> Written:
        with log.database.reading() as connection:
            before = SqlMemberships(connection, command.cause.realm).of_group(command.group_id)
        both.wait(30)
        whole = MemberDelta.replacing(before | command.members.wanted)
        return patch_group(replace(command, members=whole), log)

    with pytest.raises(AssertionError, match="an answered member is lost"):
        _add_at_once(house, reads_then_writes)


class Interrupted(SqlLog):
    """A log in which somebody else's write is committed just before ours begins."""

    def __init__(self, log: SqlLog, other: Callable[[], Any]) -> None:
        super().__init__(log.database, log.registry, log.key, log.clock)
        self._other: Callable[[], Any] | None = other

    @contextmanager
    def transaction(self, cause: Any) -> Iterator[Any]:
        other, self._other = self._other, None
        if other is not None:
            other()
        with super().transaction(cause) as work:
            yield work


def _replacing(house: House, team: str, name: str, *members: str) -> ReplaceGroup:
    wanted = MemberDelta.replacing(members)
    return ReplaceGroup(house.cause(), team, {"displayName": name}, wanted)


def test_h7_two_puts_of_a_group_never_mix(house: House) -> None:
    ann, bob = _create(house, "ann"), _create(house, "bob")
    team = house.log.handle(
        create_group, CreateGroup(house.cause(), {"displayName": "one"}, MemberDelta())
    ).id

    def other() -> None:
        house.log.handle(replace_group, _replacing(house, team, "two", bob))

    # It keeps the name it has read, so only its members differ from what it has seen.
    Interrupted(house.log, other).handle(replace_group, _replacing(house, team, "one", ann))
    name = house.log.group(house.realms["acme"], team).state.document["displayName"]
    members = {row[2] for row in house.rows()["members"]}
    assert (name, members) in [("one", {ann}), ("two", {bob})], "half of each"
