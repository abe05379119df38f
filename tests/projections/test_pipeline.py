"""Statements that share a round trip with PostgreSQL: their order, their errors, their text."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from sqlalchemy import Connection, bindparam, select, text

from domain.refusals import Unavailable, VersionConflict
from projections.database import Database
from projections.directory.g1 import DirectoryG1
from projections.engines.pipeline import line_of
from projections.migration import migrate
from projections.prepared import Prepared
from projections.recorder import SqlRecorder
from projections.registry import Registry
from projections.row_statements import deleting, inserting, updating
from projections.tables import claims
from tests.postgresql.cluster import Cluster

ODD = ['a"b', "a\\b", "{a,b}", "NULL", "", " ", "ä\u2028😀", "'; DROP TABLE claims; --"]
TAKE = inserting(claims)
MOVE = updating(claims, ("realm", "kind", "key"), ["owner"])
DROP = deleting(claims, ("realm", "kind", "key"))
KEYS = Prepared(select(claims.c.key).where(claims.c.owner == bindparam("owner")))


def opened(cluster: Cluster) -> Database:
    database = Database(cluster.create_database(f"p{uuid4().hex}"))
    migrate(database, Registry([DirectoryG1()]))
    return database


@pytest.fixture
def database(postgresql: Cluster) -> Iterator[Database]:
    made = opened(postgresql)
    yield made
    made.close()
    postgresql.drop_database(made.url.database or "")


def row(key: str, owner: str = "owner") -> dict[str, str]:
    return {"realm": "r", "kind": "k", "key": key, "owner": owner}


def keys(connection: Connection, owner: str = "owner") -> list[str]:
    return sorted(key for (key,) in KEYS.rows(connection, {"owner": owner}))


@pytest.mark.parametrize("count", [1, 2, 2_500])
def test_what_is_written_is_read_back_whatever_its_letters(database: Database, count: int) -> None:
    wanted = sorted(f"{ODD[number % len(ODD)]}{number}" for number in range(count))
    with database.writing() as connection:
        TAKE.write(connection, [row(key) for key in wanted])
        connection.commit()
    with database.writing() as connection:
        assert keys(connection) == wanted
        MOVE.write(connection, [row(key, "heir") for key in wanted])
        assert keys(connection) == []
        assert keys(connection, "heir") == wanted
        DROP.write(connection, [row(key) for key in wanted[1:]])
        connection.commit()
    with database.reading() as connection:
        assert keys(connection, "heir") == wanted[:1]


def test_a_statement_of_another_way_comes_after_what_waits(database: Database) -> None:
    with database.writing() as connection:
        TAKE.write(connection, [row("a")])
        assert connection.execute(text("SELECT key FROM claims")).scalars().all() == ["a"]
        assert keys(connection) == ["a"]
        connection.commit()


def test_what_waits_when_a_block_fails_is_never_written(database: Database) -> None:
    def fail() -> None:
        with database.writing() as connection:
            TAKE.write(connection, [row("a")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.writing() as connection:
        TAKE.write(connection, [row("b")])
    with database.reading() as connection:
        assert keys(connection) == []


def test_the_lock_of_the_log_is_held_at_the_first_statement(
    database: Database, postgresql: Cluster
) -> None:
    with database.writing() as connection:
        keys(connection)
        held = (
            "SELECT mode FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
            "WHERE locktype = 'advisory' AND granted AND datname = current_database()"
        )
        with postgresql.connect(database.url.database or "") as other:
            assert other.execute(held).fetchall() == [("ShareLock",)]


def test_a_violation_that_comes_with_the_commit_leaves_nothing_and_harms_nobody(
    database: Database,
) -> None:
    def twice() -> None:
        with database.writing() as connection:
            TAKE.write(connection, [row("a")])
            TAKE.write(connection, [row("a")])
            connection.commit()

    for _ in range(2):
        with pytest.raises(VersionConflict):
            twice()
    with database.reading() as connection:
        assert keys(connection) == []


def test_prepared_statements_outlive_a_rollback(database: Database) -> None:
    for _ in range(3):
        with database.reading() as connection:
            keys(connection)
            known = connection.execute(text("SELECT count(*) FROM pg_prepared_statements"))
            assert known.scalar_one() >= 2


def test_a_lost_connection_is_an_outage_and_the_next_block_has_another(
    spawn_cluster: Callable[..., Cluster],
) -> None:
    cluster = spawn_cluster(durable=True)
    database = opened(cluster)

    def lose() -> None:
        with database.writing() as connection:
            keys(connection)
            cluster.restart("immediate")
            keys(connection)

    with pytest.raises(Unavailable):
        lose()
    with database.reading() as connection:
        assert keys(connection) == []
    database.close()


def test_text_with_nul_is_refused_before_anything_is_sent(database: Database) -> None:
    with database.writing() as connection:
        with pytest.raises(psycopg.DataError):
            TAKE.write(connection, [row("a\0b")])
        with pytest.raises(psycopg.DataError):
            TAKE.write(connection, [row("a\0b"), row("c")])
        TAKE.write(connection, [row("d")])
        assert keys(connection) == ["d"]
        assert line_of(connection.connection) is line_of(connection.connection)


def test_positions_rise_in_the_order_of_the_events(database: Database) -> None:
    recorder, stream = SqlRecorder(database), UUID(int=7)
    stored = [StoredEvent(stream, n, "t", b'{"\\\0"' + bytes([n % 256])) for n in range(1, 2_501)]
    positions = recorder.insert_events(stored)
    assert all(before < after for before, after in pairwise(positions))
    found = recorder.select_notifications(None, 3_000)
    assert [n.originator_version for n in found] == list(range(1, 2_501))
    assert [n.state for n in found] == [event.state for event in stored]
    with pytest.raises(IntegrityError):
        recorder.insert_events([StoredEvent(UUID(int=8), 1, "t", b""), stored[0]])
    assert recorder.max_notification_id() == positions[-1]
