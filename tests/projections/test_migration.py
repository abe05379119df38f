"""Bringing a database to the schema of this release (ADR 0009)."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text

from projections.database import Database
from projections.directory.g1 import DirectoryG1
from projections.engines.backend import UnsupportedDatabase
from projections.migration import (
    WrongSchema,
    check_migrated,
    migrate,
    newest_revision,
    present_revision,
)
from projections.registry import Registry
from projections.spans.g1 import SpansG1
from projections.tables import metadata
from tests.engines import Engine, only_on
from tests.houses import House

READ_MODELS = DirectoryG1.metadata.tables.keys() | SpansG1.metadata.tables.keys()


def registry() -> Registry:
    return Registry([DirectoryG1()])


def test_the_revisions_make_the_tables_that_the_code_declares(house: House) -> None:
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_name": lambda name, kind, _: kind != "table" or name not in READ_MODELS,
    }
    with house.database.reading() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def definitions(connection: Connection) -> dict[str, str]:
    found = connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    ).all()
    own = metadata.tables.keys() | {
        str(index.name) for table in metadata.tables.values() for index in table.indexes
    }
    return {name: " ".join(sql.split()) for name, sql in found if name in own}


@only_on("sqlite", "PostgreSQL keeps no text of a table's definition; the next test reads it back")
def test_the_revisions_spell_each_table_as_the_code_does(house: House) -> None:
    # Autogenerate does not see AUTOINCREMENT and WITHOUT ROWID.
    engine = create_engine("sqlite://")
    with engine.begin() as declared, house.database.reading() as migrated:
        metadata.create_all(declared)
        assert definitions(migrated) == definitions(declared)
    engine.dispose()


def test_migrating_twice_is_harmless(house: House) -> None:
    before = house.rows()
    assert not migrate(house.database, registry())
    assert house.rows() == before


@pytest.fixture
def empty(engine: Engine) -> Iterator[str]:
    """The URL of a database in which nothing was ever made."""
    with engine.empty() as url:
        yield url


def test_a_fresh_database_is_brought_to_the_newest_revision(engine: Engine, empty: str) -> None:
    database = engine.opened(empty)
    with pytest.raises(WrongSchema, match="rollbook migrate"):
        check_migrated(database, registry())
    assert migrate(database, registry())
    check_migrated(database, registry())
    with database.reading() as connection:
        assert present_revision(connection) == newest_revision()
    database.close()


def test_two_threads_may_migrate_at_once(engine: Engine, empty: str) -> None:
    databases = [engine.opened(empty) for _ in range(4)]
    barrier, did = threading.Barrier(len(databases)), []

    def run(database: Database) -> None:
        barrier.wait()
        did.append(migrate(database, registry()))

    threads = [threading.Thread(target=run, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in databases:
        database.close()
    assert sorted(did) == [False, False, False, True]


MIGRATE = """
import sys
from projections.directory.g1 import DirectoryG1
from projections.database import Database
from projections.registry import Registry
from projections.migration import migrate

database, registry = Database(sys.argv[1]), Registry([DirectoryG1()])
print("ready", flush=True)
sys.stdin.readline()
print(migrate(database, registry))
database.close()
"""


def test_two_processes_may_migrate_at_once(empty: str) -> None:
    command = [sys.executable, "-c", MIGRATE, empty]
    project = Path(__file__).parents[2]
    processes = [
        subprocess.Popen(
            command, cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        answers.append(process.communicate(timeout=60)[0].strip())
        assert process.returncode == 0
    assert sorted(answers) == ["False", "True"]


def test_a_database_of_a_newer_release_is_refused(house: House) -> None:
    with house.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()
    before = house.rows()
    for attempt in (
        lambda: migrate(house.database, registry()),
        lambda: check_migrated(house.database, registry()),
    ):
        with pytest.raises(WrongSchema, match="9999"):
            attempt()
    assert house.rows() == before


def test_a_failed_migration_leaves_an_empty_database(
    engine: Engine, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(DirectoryG1):
        class metadata:  # noqa: N801  # the name of the attribute
            @staticmethod
            def create_all(_connection: Connection) -> None:
                raise RuntimeError("fired")

    database = engine.opened(empty)
    with pytest.raises(RuntimeError, match="fired"):
        migrate(database, Registry([Broken()]))  # type: ignore[list-item]
    with database.reading() as connection:
        inspected = inspect(connection)
        assert inspected.get_table_names() == inspected.get_view_names() == []
    assert migrate(database, registry())
    database.close()


def test_another_engine_is_refused() -> None:
    with pytest.raises(UnsupportedDatabase, match="mysql"):
        Database("mysql://localhost/x")
