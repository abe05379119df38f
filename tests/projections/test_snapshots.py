"""Snapshots: long streams are folded from where they stood, and nothing depends on it."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from domain.commands import DeleteUser, PatchUser
from domain.events import Stream
from domain.handlers.realms import change_realm
from domain.handlers.users import delete_user, patch_user
from domain.patching import AttributeOperation
from domain.realm import Realm
from domain.topics import AGGREGATE_OF, EVENTS
from domain.user import User
from projections.log import SqlLog
from projections.snapshots.g1 import _FORMAT, SnapshotsG1, schema_of, snapshots
from replay.refill import refill
from tests.engines import Engine
from tests.history.examples import EXAMPLES
from tests.houses import House, opened_house
from tests.projections.commands import add_members, new_group, new_user
from tests.projections.followed import following

INTERVAL = 10
MODEL = SnapshotsG1(INTERVAL)


@pytest.fixture
def house(engine: Engine) -> Iterator[House]:
    with opened_house(engine) as opened:
        following(opened.log, MODEL)
        yield opened


def cold(house: House, model: SnapshotsG1 | None = MODEL) -> SqlLog:
    """The log of a process that has folded nothing yet."""
    log = house.log
    return SqlLog(log.database, log.registry, log.key, log.clock, snapshots=model)


def say(log: SqlLog, house: House, user: str, title: str) -> None:
    operation = AttributeOperation("replace", "title", title)
    log.handle(patch_user, PatchUser(house.cause(), user, [operation]))


def written(house: House, events: int, name: str = "ann") -> str:
    """A user with so many events."""
    user = new_user(house, name)
    for number in range(events - 1):
        say(house.log, house, user, f"title {number}")
    return user


def follow(house: House, batch: int = 500) -> None:
    following(house.log, MODEL, batch=batch).catch_up()


def rows(house: House) -> list[Any]:
    with house.database.reading() as connection:
        return list(connection.execute(select(snapshots).order_by(snapshots.c.stream_id)))


def read(house: House, user: str, model: SnapshotsG1 | None = MODEL) -> Stream[User]:
    return cold(house, model).user(house.realms["acme"], user)


def decoded(log: SqlLog, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The versions of the events that are decoded from now on."""
    seen: list[int] = []
    decode = log.events.mapper.to_domain_event

    def noting(stored: Any) -> Any:
        seen.append(stored.originator_version)
        return decode(stored)

    monkeypatch.setattr(log.events.mapper, "to_domain_event", noting)
    return seen


def test_a_long_stream_is_folded_from_its_snapshot_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = written(house, 34)
    follow(house)
    [row] = rows(house)
    assert (row.stream_id, row.version) == (user, 30)
    log = cold(house)
    seen = decoded(log, monkeypatch)
    assert log.user(house.realms["acme"], user) == read(house, user, None)
    assert seen == [31, 32, 33, 34]
    seen.clear()
    say(log, house, user, "decided on it")
    assert seen == []
    assert read(house, user).version == 35


def test_a_stream_that_ends_with_its_snapshot_needs_no_event_decoded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = written(house, 20)
    follow(house)
    log = cold(house)
    seen = decoded(log, monkeypatch)
    assert log.user(house.realms["acme"], user) == read(house, user, None)
    assert seen == []


def test_short_streams_groups_and_realms_have_none(house: House) -> None:
    ann = written(house, 9)
    group = new_group(house, "Staff")
    for number in range(12):
        add_members(house, group, new_user(house, f"member-{number}"))
    for _ in range(6):
        change_realm(house.cause(), house.log, Realm.suspend)
        change_realm(house.cause(), house.log, Realm.resume)
    follow(house)
    assert rows(house) == []
    assert read(house, ann).version == 9


def test_a_stream_without_a_snapshot_costs_one_statement(house: House) -> None:
    user = written(house, 9)
    log = cold(house)
    with house.statements() as seen:
        log.user(house.realms["acme"], user)
    assert len([each for each in seen if "events" in each]) == 1
    assert len([each for each in seen if "snapshots_g1" in each]) == 1  # the same


def test_nobody_writes_a_snapshot_but_the_follower(house: House) -> None:
    with house.statements() as seen:
        user = written(house, 21)
        read(house, user)
    assert not [each for each in seen if "INTO snapshots_g1" in each]
    assert rows(house) == []


def test_deleting_every_snapshot_changes_nothing(house: House) -> None:
    users = [written(house, 25, "ann"), written(house, 12, "bob"), written(house, 3, "eve")]
    follow(house)
    assert len(rows(house)) == 2
    before = [read(house, user) for user in users]
    with house.database.writing() as connection:
        connection.execute(delete(snapshots))
        connection.commit()
    assert [read(house, user) for user in users] == before
    log = cold(house)
    for user in users:
        say(log, house, user, "after")
    assert [read(house, user).state.document["title"] for user in users] == ["after"] * 3
    assert [read(house, user).version for user in users] == [26, 13, 4]
    assert [read(house, user) for user in users] == [read(house, user, None) for user in users]


STEPS = st.lists(
    st.tuples(st.sampled_from(["ann", "bob"]), st.integers(1, 25), st.booleans()), max_size=4
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS, st.integers(1, 40))
def test_rows_are_the_same_whatever_the_batches_and_whenever_filled(
    engine: Engine, steps: list[tuple[str, int, bool]], batch: int
) -> None:
    with opened_house(engine) as house:
        following(house.log, MODEL)
        house.log.registry.followed = (MODEL,)
        living: dict[str, str] = {}
        for name, events, ends in steps:
            user = living.setdefault(name, "") or new_user(house, name)
            living[name] = user
            for number in range(events):
                say(house.log, house, user, f"{number} {events}")
            if ends:
                house.log.handle(delete_user, DeleteUser(house.cause(), user))
                del living[name]
            follow(house, batch)
        live = rows(house)
        refill(house.database, house.log.registry, house.log.events, batch=batch)
        assert rows(house) == live
        for user in living.values():
            assert read(house, user) == read(house, user, None)


def spoil(house: House, **values: Any) -> None:
    with house.database.writing() as connection:
        connection.execute(update(snapshots).values(**values))
        connection.commit()


DAMAGES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "values": lambda row: {"personal": row.personal.replace(b"title", b"tit1e")},
    "half": lambda row: {"personal": row.personal[:20]},
    "no JSON": lambda _row: {"clear": b"\xff"},
    "deleted": lambda row: {"clear": row.clear.replace(b"false", b"true")},
    "another version": lambda _row: {"version": 19},
    "ahead of the log": lambda _row: {"version": 4_000},
    "another history": lambda _row: {"last_event": "0" * 64},
    "another schema": lambda _row: {"schema": "0" * 16},
    "no digest": lambda _row: {"digest": ""},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_not_believed_and_replaced(house: House, damage: str) -> None:
    user = written(house, 25)
    follow(house)
    [row] = rows(house)
    spoil(house, **DAMAGES[damage](row))
    assert read(house, user) == read(house, user, None)
    for number in range(5):
        say(house.log, house, user, f"later {number}")
    follow(house)
    [row] = rows(house)
    assert row.version == 30
    assert read(house, user) == read(house, user, None)


def test_sabotage_a_row_believed_without_its_digest_is_seen(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = written(house, 25)
    follow(house)
    [row] = rows(house)
    forged = row.personal.replace(b"ann", b"eve")
    spoil(house, personal=forged)
    assert read(house, user).state.document["userName"] == "ann"
    monkeypatch.setattr("projections.snapshots.g1._digest", lambda _values: row.digest)
    assert read(house, user).state.document["userName"] == "eve"


def test_a_new_version_of_an_event_discards_what_was_folded_from_the_old(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = written(house, 20)
    follow(house)

    class Renamed(User.Renamed):
        schema_version = 2

    with monkeypatch.context() as patched:
        patched.setitem(EVENTS, Renamed.topic, Renamed)
        newer = SnapshotsG1(INTERVAL)
    log = cold(house, newer)
    seen = decoded(log, monkeypatch)
    log.user(house.realms["acme"], user)
    assert seen == list(range(1, 21))
    assert schema_of(EVENTS) != schema_of({**EVENTS, Renamed.topic: Renamed})


def test_a_snapshot_of_a_deleted_user_is_gone(house: House) -> None:
    user = written(house, 25)
    follow(house)
    assert rows(house)
    house.log.handle(delete_user, DeleteUser(house.cause(), user))
    follow(house)
    assert rows(house) == []


def test_no_value_of_a_person_stands_in_the_clear_part(house: House) -> None:
    written(house, 10, "ann@example.com")
    follow(house)
    [row] = rows(house)
    assert b"ann@example.com" in row.personal
    for value in row:
        if value is not row.personal:
            assert "ann@example.com" not in str(value)
            assert "title" not in str(value)


def test_what_events_do_to_a_user_has_not_changed_unless_the_format_did() -> None:
    created, *others = [event for topic, event in EXAMPLES.items() if AGGREGATE_OF[topic] == "User"]
    user = User.evolve(None, created)  # type: ignore[arg-type]  # of a user, by its topic
    seen = [user]
    for event in others:
        seen.append(User.evolve(seen[-1], event))  # type: ignore[arg-type]
    told = orjson.dumps([[each.document, each.deleted] for each in seen])
    digest = sha256(told).hexdigest()[:16]
    assert (_FORMAT, digest) == (1, "7de3cfa28477819f"), (
        "a snapshot would say otherwise: count _FORMAT up"
    )
