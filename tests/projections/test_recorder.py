"""The recorder keeps the contract that the eventsourcing library ships as a test case."""

import threading
from collections.abc import Iterator
from typing import ClassVar
from uuid import UUID

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests import persistence

from projections.recorder import Envelope, SqlRecorder
from projections.tables import events, metadata
from tests.engines import Engine
from tests.houses import House


class TestSqlRecorderOnSqlite(persistence.ApplicationRecorderTestCase[SqlRecorder]):
    """The library's own cases; subscriptions are optional, and refused (ADR 0003)."""

    engine_fixture: ClassVar = "sqlite_engine"  # a class of unittest takes no parameters

    @pytest.fixture(autouse=True)
    def _on_an_engine(self, request: pytest.FixtureRequest) -> Iterator[None]:
        engine: Engine = request.getfixturevalue(self.engine_fixture)
        with engine.empty() as url:
            self.database = engine.opened(url)
            with self.database.migrating() as connection:
                metadata.create_all(connection, tables=[events])
                connection.commit()
            others = set(threading.enumerate())
            yield
            for reader in set(threading.enumerate()) - others:  # a case leaves its readers behind
                reader.join(30)
            self.database.close()

    def create_recorder(self) -> SqlRecorder:
        return SqlRecorder(self.database)


class TestSqlRecorderOnPostgresql(TestSqlRecorderOnSqlite):
    engine_fixture: ClassVar = "postgresql_engine"


STREAM = UUID(int=7)


def stored(version: int, topic: str = "t") -> StoredEvent:
    return StoredEvent(STREAM, version, topic, b"{}")


def test_events_on_a_connection_that_is_not_committed_were_never_there(house: House) -> None:
    recorder, before = SqlRecorder(house.database), house.rows()
    with house.database.writing() as connection:
        envelope = Envelope(house.realms["acme"], 1, "c")
        positions = recorder.insert_events(
            [stored(1), stored(2)], connection=connection, envelope=envelope
        )
        assert positions == [positions[0], positions[0] + 1]
    assert house.rows() == before


def test_a_version_that_exists_is_an_integrity_error_and_leaves_nothing(house: House) -> None:
    recorder = SqlRecorder(house.database)
    recorder.insert_events([stored(1)])
    before = house.rows()
    with pytest.raises(IntegrityError):
        recorder.insert_events([stored(2), stored(1)])
    assert house.rows() == before


def test_a_position_is_never_given_twice(house: House) -> None:
    recorder = SqlRecorder(house.database)
    first = recorder.insert_events([stored(1)])[0]
    with house.database.writing() as connection:
        connection.execute(events.delete().where(events.c.position == first))
        connection.commit()
    assert recorder.insert_events([stored(1)])[0] > first


def test_topics_can_be_left_out_of_a_stream(house: House) -> None:
    recorder = SqlRecorder(house.database)
    recorder.insert_events([stored(1, "a"), stored(2, "b"), stored(3, "a")])
    found = recorder.select_events(STREAM, without_topics=["b"])
    assert [event.originator_version for event in found] == [1, 3]


def test_the_log_is_not_subscribed_to(house: House) -> None:
    with pytest.raises(NotImplementedError):
        SqlRecorder(house.database).subscribe()
