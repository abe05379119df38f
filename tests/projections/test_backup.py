"""A copy of an embedded database, taken while others write (ADR 0013)."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from projections.backup import NotCopied, pages
from projections.backup.taking import back_up
from projections.database import Database
from tests.engines import SqliteEngine
from tests.houses import House, opened_house
from tests.projections.commands import new_user
from tests.projections.copies import change, contents, copy_of, file_of, garble, names, settle

FEW = 5
"""Pages copied at a time, so that a small database takes several batches."""
ENOUGH = 50
"""Batches after which a copy that has not ended never will."""
_CONNECT = sqlite3.connect


@pytest.fixture
def house(sqlite_engine: SqliteEngine) -> Iterator[House]:
    """On SQLite alone: PostgreSQL brings its own programs for this (ADR 0013)."""
    with opened_house(sqlite_engine, slugs=("acme", "other")) as opened:
        yield opened


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGES", FEW)


def test_a_backup_holds_every_row_and_says_how_many_events(house: House) -> None:
    settle(house)
    file = file_of(house).with_name("copy.db")
    said = back_up(house.database, file)
    assert contents(file) == contents(file_of(house))
    assert (said.events, said.last_position) == (len(house.events()), len(house.events()))


def test_a_backup_is_one_file_for_its_owner_only(house: House) -> None:
    folder = file_of(house).parent
    before = names(folder)
    copy = copy_of(house)
    assert names(folder) - before == {"copy.db"}
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_writes_go_on_during_a_backup_and_are_not_in_it(house: House, slowly: None) -> None:
    settle(house)
    before, told = contents(file_of(house)), []

    def write(copied: int, total: int) -> None:
        told.append((copied, total))
        new_user(house, f"meanwhile-{len(told)}")

    copy = file_of(house).with_name("copy.db")
    back_up(house.database, copy, progress=write)
    assert contents(copy) == before
    copied = [number for number, _ in told]
    assert len(told) > 2, "the writes came in between"
    assert copied == sorted(set(copied)), "the copy began again"
    assert {total for _, total in told} == {copied[-1]}
    users = len(contents(file_of(house))["users_g1"]) - len(before["users_g1"])
    assert users == len(told)


def test_a_copy_without_a_snapshot_would_begin_again_for_ever(house: House) -> None:
    # What `projections.backup.taking` is protected from, and why it reads before it copies.
    settle(house)
    copied: list[int] = []

    class GaveUp(Exception):
        pass

    def write(_status: int, left: int, total: int) -> None:
        copied.append(total - left)
        new_user(house, f"meanwhile-{len(copied)}")
        if len(copied) == ENOUGH:
            raise GaveUp

    with (
        closing(sqlite3.connect(file_of(house))) as source,
        closing(sqlite3.connect(":memory:")) as target,
        pytest.raises(GaveUp),
    ):
        source.backup(target, pages=FEW, progress=write)
    assert set(copied) == {FEW}, "every commit sent it back to the first page"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_an_interrupted_backup_leaves_nothing(
    house: House, slowly: None, error: type[BaseException]
) -> None:
    settle(house)
    before = names(file_of(house).parent)

    def stop(_copied: int, _total: int) -> None:
        raise error

    with pytest.raises(error):
        back_up(house.database, file_of(house).with_name("copy.db"), progress=stop)
    assert names(file_of(house).parent) - {"rollbook.db-wal", "rollbook.db-shm"} == before - {
        "rollbook.db-wal",
        "rollbook.db-shm",
    }


def test_a_full_disk_is_told_and_leaves_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(house)
    monkeypatch.setattr("projections.backup.pages.sqlite3.connect", _full)
    with pytest.raises(NotCopied, match="database or disk is full"):
        copy_of(house)
    assert not [name for name in names(file_of(house).parent) if "copy" in name]


def _full(*arguments: Any, **options: Any) -> sqlite3.Connection:
    connection: sqlite3.Connection = _CONNECT(*arguments, **options)
    connection.execute("PRAGMA max_page_count=10")
    return connection


@pytest.mark.parametrize(
    ("damage", "fact"),
    [
        ("DELETE FROM events WHERE position = 1", "should hold"),
        ("DELETE FROM events WHERE position = (SELECT max(position) FROM events)", "the head of"),
        ("UPDATE streams SET version = version + 1", "the head of"),
        ("UPDATE streams SET version = version - 1 WHERE version > 1", "the head of"),
        ("UPDATE streams SET correlation_id = 'x'", "the head of"),
        ("UPDATE streams SET recorded_at = 1", "the head of"),
        ("DELETE FROM streams WHERE type = 'Group'", "the head of"),
        ("UPDATE alembic_version SET version_num = '9999'", "newer release"),
        ("DROP TABLE key_checks", "no log of Rollbook"),
    ],
)
def test_a_database_that_is_not_whole_gives_no_backup(house: House, damage: str, fact: str) -> None:
    settle(house)
    change(file_of(house), damage)
    with pytest.raises(NotCopied, match=fact):
        copy_of(house)
    assert not [name for name in names(file_of(house).parent) if "copy" in name]


def test_pages_a_disk_has_garbled_give_no_backup(house: House, tmp_path: Path) -> None:
    settle(house)
    damaged = copy_of(house, "damaged.db")
    garble(damaged)
    database = Database(f"sqlite:///{damaged}")
    with pytest.raises(NotCopied, match="damaged"):
        back_up(database, tmp_path / "copy.db")
    database.close()
    assert not (tmp_path / "copy.db").exists()


Taken = Callable[[Path, Path], None]


@pytest.mark.parametrize(
    ("occupy", "fact"),
    [
        (lambda file, _: file.mkdir(), "is no database"),
        (lambda file, _: file.write_text("a letter"), "is no database"),
        (lambda file, _: file.write_text(""), "is no database"),
        (lambda file, database: file.symlink_to(database), "belongs to the database itself"),
        (lambda file, _: file.symlink_to("gone"), "is no database"),
        (lambda file, database: file.hardlink_to(database), "belongs to the database itself"),
    ],
)
def test_only_a_database_is_ever_replaced(house: House, occupy: Taken, fact: str) -> None:
    file = file_of(house).with_name("copy.db")
    occupy(file, file_of(house))
    with pytest.raises(NotCopied, match=fact):
        back_up(house.database, file, replace=True)
    assert file.is_symlink() or file.exists()


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_the_database_itself_is_never_the_backup(house: House, end: str) -> None:
    before = house.rows()
    with pytest.raises(NotCopied, match="belongs to the database itself"):
        back_up(house.database, Path(f"{file_of(house)}{end}"), replace=True)
    assert house.rows() == before


def test_an_earlier_backup_is_replaced_only_when_told(house: House) -> None:
    copy = copy_of(house)
    first = copy.read_bytes()
    settle(house)
    with pytest.raises(NotCopied, match="--force"):
        copy_of(house)
    assert copy.read_bytes() == first
    back_up(house.database, copy, replace=True)
    assert contents(copy) == contents(file_of(house))


def test_a_backup_never_takes_the_place_of_one_that_came_meanwhile(
    house: House, slowly: None
) -> None:
    settle(house)
    copy = file_of(house).with_name("copy.db")
    with pytest.raises(NotCopied, match="File exists"):
        back_up(house.database, copy, progress=lambda *_: copy.write_text("another"))  # type: ignore[arg-type]  # what it returns is of no interest
    assert copy.read_text() == "another"
    assert not [name for name in names(copy.parent) if name.endswith(".partial")]


def test_a_file_system_without_links_takes_backups_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []

    def no_links(_self: object, *_: object) -> None:
        refused.append(1)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("projections.backup.new_file.os.link", no_links)
    assert contents(copy_of(house)) == contents(file_of(house))
    assert refused
