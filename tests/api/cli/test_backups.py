"""`rollbook backup` and `rollbook restore`."""

import io
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from api.cli.progress import slow_bar
from projections.migration import newest_revision
from tests.api.cli.conftest import Operator, Rollbook
from tests.api.cli.test_failures import one_line

SMALL = 64 * 1024
"""Bytes a file may have at most: fewer than an empty database needs."""


@pytest.fixture
def acme(rollbook: Rollbook) -> None:
    assert rollbook("realm", "create", "acme").status == 0


def test_a_backup_tells_what_it_holds_and_of_the_key(
    rollbook: Rollbook, folder: Path, acme: None
) -> None:
    done = rollbook("backup", "copy.db")
    size = (folder / "copy.db").stat().st_size
    assert (done.status, done.err) == (0, "")
    first, second = done.out.splitlines()
    assert first == (
        "copy.db holds 3 events, the last at position 3 "
        f"({size:,} bytes, revision {newest_revision()})."
    )
    assert second.startswith("The key file var/rollbook.key (ROLLBOOK_KEY_FILE) is not in it")
    assert rollbook("backup", "copy.db", "--force", "--json").value == {
        "file": "copy.db",
        "bytes": size,
        "revision": newest_revision(),
        "events": 3,
        "last_position": 3,
        "key_file": "var/rollbook.key",
    }


def test_a_restore_brings_back_what_was_there(rollbook: Rollbook, folder: Path, acme: None) -> None:
    before = rollbook("realm", "list", "--json").value
    rollbook("backup", "copy.db")
    rollbook("realm", "create", "later")
    restored = rollbook("restore", "copy.db", "--force", "--json")
    assert restored.err == ""
    kept = Path(restored.value.pop("kept"))
    assert (
        restored.value.items()
        >= {
            "database": "var/rollbook.db",
            "events": 3,
            "key_fits": True,
            "needs_migration": False,
        }.items()
    )
    assert kept.parent == Path("var")
    assert kept.is_file()
    assert rollbook("realm", "list", "--json").value == before
    done = rollbook("restore", str(kept), "--force")
    assert "The database that was there is kept as var/rollbook.db.before" in done.out
    assert len(rollbook("realm", "list", "--json").value) == 2


def test_a_backup_needs_neither_the_key_nor_the_present_schema(
    rollbook: Rollbook, folder: Path, acme: None
) -> None:
    (folder / "var/rollbook.key").unlink()
    assert rollbook("backup", "copy.db").status == 0


@pytest.mark.parametrize("command", [("backup", "copy.db"), ("backup", "copy.db", "--force")])
def test_a_database_that_does_not_exist_is_not_made_by_a_backup(
    rollbook: Rollbook, folder: Path, command: tuple[str, ...]
) -> None:
    assert "there is no database at var/rollbook.db" in one_line(rollbook, *command)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        (("backup", "missing/copy.db"), "there is no folder missing"),
        (("backup", "var"), "var exists"),
        (("backup", "var", "--force"), "var is no database"),
        (("backup", "var/rollbook.db", "--force"), "belongs to the database itself"),
        (("backup", "var/rollbook.key", "--force"), "is no database, and is not replaced"),
        (("restore", "missing.db"), "cannot read missing.db: No such file"),
        (("restore", "var/rollbook.key"), "is no SQLite database"),
        (("restore", "copy.db"), "restore with --force"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    rollbook: Rollbook, acme: None, command: tuple[str, ...], fact: str
) -> None:
    rollbook("backup", "copy.db")
    assert fact in one_line(rollbook, *command)


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_another_engine_is_sent_to_its_page(
    rollbook: Rollbook, monkeypatch: pytest.MonkeyPatch, folder: Path, command: str
) -> None:
    url = "postgresql+psycopg://rollbook@localhost/rollbook"
    monkeypatch.setenv("ROLLBOOK_DATABASE_URL", url)
    assert "docs/backup.md" in one_line(rollbook, command, "copy.db")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("key", ["another", "missing"])
def test_a_key_file_that_does_not_fit_is_warned_about(
    rollbook: Rollbook, folder: Path, acme: None, key: str
) -> None:
    rollbook("backup", "copy.db")
    path = folder / "var/rollbook.key"
    path.unlink()
    if key == "another":
        path.write_text("ab" * 32)
    done = rollbook("restore", "copy.db", "--force", "--json")
    assert done.value["key_fits"] is False
    assert done.err.startswith("rollbook: warning: the key file")
    assert "put the right file in place" in done.err
    assert done.err.count("\n") == 1
    assert rollbook("realm", "list").status == 1


def test_an_older_backup_has_to_be_migrated(
    rollbook: Rollbook, folder: Path, acme: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollbook("backup", "copy.db")
    monkeypatch.setattr("projections.migration.newest_revision", lambda: "9999")
    done = rollbook("restore", "copy.db", "--force")
    assert 'run "rollbook migrate" next' in done.out


def test_a_disk_that_takes_no_more_is_one_line_and_leaves_nothing(operator: Operator) -> None:
    operator.run("realm", "create", "acme")
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "backup", "copy.db"],
        cwd=operator.folder,
        env=operator.env,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL)),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("rollbook: the copy failed: ")
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in operator.folder.iterdir()) == ["var"]


def test_a_backup_that_is_told_to_stop_leaves_nothing(
    rollbook: Rollbook, folder: Path, acme: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = []

    def stop(*_: object, **__: object) -> None:
        stopped.append([path.name for path in folder.glob("*.partial")])
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("projections.backup.taking.copy_to_new", stop)
    before = signal.getsignal(signal.SIGTERM)
    assert rollbook("backup", "copy.db").status == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    assert [len(names) for names in stopped] == [1]
    assert sorted(path.name for path in folder.iterdir()) == ["var"]


def test_a_backup_waits_for_no_writer_and_keeps_none_waiting(
    rollbook: Rollbook, folder: Path, acme: None
) -> None:
    with closing(sqlite3.connect(folder / "var/rollbook.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM events")
        assert rollbook("backup", "copy.db", "--json").value["events"] == 3


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_both_commands_show_examples(rollbook: Rollbook, command: str) -> None:
    assert f"\n    rollbook {command}" in rollbook(command, "--help").out


def test_the_bar_is_shown_on_a_terminal_once_it_takes_long() -> None:
    shown = threading.Event()

    class Terminal(io.StringIO):
        def write(self, text: str) -> int:
            shown.set()
            return super().write(text)

    screen = Terminal()
    with slow_bar("backup", console=Console(file=screen, force_terminal=True), after=0) as report:
        report(50, 100)
        assert shown.wait(30)
    assert "backup" in screen.getvalue()


@pytest.mark.parametrize(("terminal", "after"), [(False, 0.0), (True, 3600.0)])
def test_no_bar_is_shown_in_a_file_nor_for_what_is_over_soon(terminal: bool, after: float) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal)
    with slow_bar("backup", console=console, after=after) as report:
        report(50, 100)
    assert screen.getvalue() == ""
