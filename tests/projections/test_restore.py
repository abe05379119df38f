"""A copy is put in the place of the database (ADR 0013)."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from projections.backup import NotCopied, pages
from projections.backup.restoring import restore
from projections.database import Database
from tests.engines import SqliteEngine
from tests.houses import House, opened_house
from tests.projections.commands import new_user
from tests.projections.copies import change, contents, copy_of, file_of, garble, names, settle
from tests.serving import PROJECT


@pytest.fixture
def house(sqlite_engine: SqliteEngine) -> Iterator[House]:
    """On SQLite alone: PostgreSQL brings its own programs for this (ADR 0013)."""
    with opened_house(sqlite_engine, slugs=("acme", "other")) as opened:
        yield opened


def left_behind(folder: Path) -> list[str]:
    return [n for n in names(folder) if n.endswith(".partial") or "before-restore" in n]


def test_a_restored_database_is_the_copy_and_the_other_is_kept(house: House) -> None:
    copy = copy_of(house)
    settle(house)
    later = contents(file_of(house))
    house.database.close()
    said = restore(copy, file_of(house), replace=True)
    assert contents(file_of(house)) == contents(copy)
    assert said.kept is not None
    assert said.kept.name.startswith("rollbook.db.before-restore-2")
    assert contents(said.kept) == later
    assert said.contents.events == len(house.events())
    new_user(house, "after")


def test_a_database_is_restored_where_none_is(house: House, tmp_path: Path) -> None:
    copy = copy_of(house)
    target = tmp_path / "new/folder/rollbook.db"
    assert restore(copy, target).kept is None
    assert contents(target) == contents(copy)
    assert target.stat().st_mode & 0o777 == 0o600
    assert names(target.parent) == {"rollbook.db"}


def test_an_existing_database_is_replaced_only_when_told(house: House) -> None:
    copy = copy_of(house)
    settle(house)
    before = contents(file_of(house))
    with pytest.raises(NotCopied, match="--force"):
        restore(copy, file_of(house))
    assert contents(file_of(house)) == before


@pytest.mark.parametrize("idle", [True, False])
def test_a_database_that_another_has_open_is_not_replaced(house: House, idle: bool) -> None:
    copy = copy_of(house)
    settle(house)
    house.database.close()
    with closing(sqlite3.connect(file_of(house), isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM events").fetchone()
        if idle:
            other.execute("COMMIT")
        with pytest.raises(NotCopied, match="open in another process: stop the service"):
            restore(copy, file_of(house), replace=True)
    assert left_behind(copy.parent) == []
    restore(copy, file_of(house), replace=True)


def test_whoever_opens_the_database_meanwhile_waits_for_the_new_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGES", 5)
    copy = copy_of(house)
    settle(house)
    house.database.close()
    locked, seen = [], []

    def ask() -> None:
        database = Database(f"sqlite:///{file_of(house)}")
        with database.reading() as connection:
            seen.append(connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one())
        database.close()

    late = threading.Thread(target=ask)

    def come(_copied: int, _total: int) -> None:
        if not late.ident:
            with closing(sqlite3.connect(file_of(house), timeout=0)) as impatient:
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    impatient.execute("SELECT count(*) FROM events")
                locked.append(1)
            late.start()

    said = restore(copy, file_of(house), replace=True, progress=come)
    late.join()
    assert locked == [1]
    assert seen == [said.contents.events]
    assert contents(file_of(house)) == contents(copy)


def test_what_a_killed_server_left_in_its_log_is_kept_with_the_old_database(
    house: House, tmp_path: Path
) -> None:
    copy = copy_of(house)
    settle(house)
    before = contents(file_of(house))
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("rollbook.db", "rollbook.db-wal"):
        shutil.copy(file_of(house).with_name(name), killed)
    with pytest.raises(sqlite3.DatabaseError):
        _count_users_by_itself(killed / "rollbook.db", tmp_path)
    said = restore(copy, killed / "rollbook.db", replace=True)
    assert said.kept is not None
    assert contents(said.kept) == before
    assert contents(killed / "rollbook.db") == contents(copy)
    assert names(killed) == {"rollbook.db", said.kept.name}


def _count_users_by_itself(database: Path, folder: Path) -> None:
    """Prove that the pages are in the log and not in the file."""
    alone = shutil.copy(database, folder / "alone.db")
    with closing(sqlite3.connect(alone)) as connection:
        if connection.execute("SELECT count(*) FROM users_g1").fetchone() == (0,):
            raise sqlite3.DatabaseError("nothing is in the file itself")


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_what_is_left_of_a_database_that_is_gone_is_never_mixed_with_the_new_one(
    house: House, tmp_path: Path, end: str
) -> None:
    copy = copy_of(house)
    target = tmp_path / "gone.db"
    stray = tmp_path / f"gone.db{end}"
    stray.write_bytes(b"x")
    with pytest.raises(NotCopied, match=f"gone.db{end} is left"):
        restore(copy, target)
    assert not target.exists()
    assert stray.read_bytes() == b"x"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_restore_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    monkeypatch.setattr(pages, "PAGES", 5)
    copy = copy_of(house)
    settle(house)
    before = contents(file_of(house))
    house.database.close()
    told = []

    def stop(copied: int, _total: int) -> None:
        told.append(copied)
        if len(told) == 3:
            raise error

    with pytest.raises(error):
        restore(copy, file_of(house), replace=True, progress=stop)
    assert told == [5, 10, 15]
    assert contents(file_of(house)) == before
    assert left_behind(copy.parent) == []
    new_user(house, "after")


DIES = """
import os, signal, sys
from pathlib import Path
from projections.backup import pages
from projections.backup.restoring import restore

def die(copied: int, total: int) -> None:
    if copied > total // 2:
        os.kill(os.getpid(), signal.SIGKILL)

pages.PAGES = 5
restore(Path(sys.argv[1]), Path(sys.argv[2]), replace=True, progress=die)
"""


def test_a_restore_that_is_killed_is_taken_back(house: House) -> None:
    settle(house)
    copy = copy_of(house)
    settle(house, "later")
    before = contents(file_of(house))
    house.database.close()
    command = [sys.executable, "-c", DIES, str(copy), str(file_of(house))]
    died = subprocess.run(command, cwd=PROJECT, check=False)
    assert died.returncode == -signal.SIGKILL
    assert "rollbook.db-journal" in names(copy.parent), "it died in the middle"
    assert contents(file_of(house)) == before
    restore(copy, file_of(house), replace=True)
    assert contents(file_of(house)) == contents(copy)


@pytest.mark.parametrize(
    ("damage", "fact"),
    [
        ("DELETE FROM events WHERE position = 1", "should hold"),
        ("UPDATE streams SET version = version + 1", "the head of"),
        ("UPDATE alembic_version SET version_num = '9999'", "newer release"),
        ("DROP TABLE events", "no log of Rollbook"),
    ],
)
def test_a_copy_that_is_not_whole_is_not_restored(house: House, damage: str, fact: str) -> None:
    settle(house)
    copy, before = copy_of(house), contents(file_of(house))
    change(copy, damage)
    house.database.close()
    with pytest.raises(NotCopied, match=fact):
        restore(copy, file_of(house), replace=True)
    assert contents(file_of(house)) == before
    assert left_behind(copy.parent) == []


def test_a_garbled_copy_is_not_restored(house: House, tmp_path: Path) -> None:
    settle(house)
    copy = copy_of(house)
    garble(copy)
    with pytest.raises(NotCopied, match=r"copy\.db is damaged"):
        restore(copy, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


def test_half_a_copy_is_not_restored(house: House, tmp_path: Path) -> None:
    settle(house)
    copy = copy_of(house)
    copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    with pytest.raises(NotCopied, match=r"copy\.db is damaged"):
        restore(copy, tmp_path / "new.db")


def test_a_database_that_cannot_be_opened_has_to_be_moved_away_by_hand(
    house: House, tmp_path: Path
) -> None:
    copy, ruin = copy_of(house), tmp_path / "ruin.db"
    ruin.write_bytes(b"\x99" * 8192)
    with pytest.raises(NotCopied, match="move the file and what lies beside it"):
        restore(copy, ruin, replace=True)
    assert ruin.read_bytes() == b"\x99" * 8192
    ruin.rename(tmp_path / "ruin.moved")
    restore(copy, ruin)
    assert contents(ruin) == contents(copy)


def test_a_damaged_database_is_replaced_and_kept_as_it_is(house: House, tmp_path: Path) -> None:
    settle(house)
    copy, damaged = copy_of(house), copy_of(house, "damaged.db")
    garble(damaged)
    before = damaged.read_bytes()
    said = restore(copy, damaged, replace=True)
    assert contents(damaged) == contents(copy)
    assert said.kept is not None
    kept = said.kept.read_bytes()
    assert kept[4096:] == before[4096:]  # the first page counts how often it was written


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("missing.db", "cannot read .*missing.db: No such file"),
        (".", "cannot read .*: Is a directory"),
        ("letter.db", "letter.db is no SQLite database"),
        ("rollbook.db", "belongs to the database itself"),
    ],
)
def test_what_is_no_backup_is_refused(house: House, name: str, fact: str) -> None:
    folder = file_of(house).parent
    (folder / "letter.db").write_text("a letter")
    with pytest.raises(NotCopied, match=fact):
        restore(folder / name, file_of(house), replace=True)


def test_a_copy_made_with_its_log_beside_it_is_read_whole(house: House, tmp_path: Path) -> None:
    # What a snapshot of the whole disk holds.
    settle(house)
    taken = tmp_path / "taken"
    taken.mkdir()
    for end in ("", "-wal", "-shm"):
        shutil.copy(f"{file_of(house)}{end}", taken)
    restore(taken / "rollbook.db", tmp_path / "new.db")
    assert contents(tmp_path / "new.db") == contents(file_of(house))
