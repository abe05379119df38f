import sqlite3
from pathlib import Path

import pytest

from tests.api.cli.conftest import Rollbook


def one_line(rollbook: Rollbook, *command: str) -> str:
    done = rollbook(*command)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("rollbook: ")
    assert done.err.count("\n") == 1
    return done.err


def change(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / "var/rollbook.db", isolation_level=None)
    connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROLLBOOK_PUBLIC_URL", "scim.example.com"),
        ("ROLLBOOK_PUBLIC_URL", ""),
        ("ROLLBOOK_LOG_LEVEL", "loud"),
        ("ROLLBOOK_ACCESS_TOKEN_SECONDS", "soon"),
        ("ROLLBOOK_DATABASE_URL", "mysql://localhost/rollbook"),
        ("ROLLBOOK_DATABASE_URL", "rollbook.db"),
    ],
)
@pytest.mark.parametrize(
    "command", [("realm", "list"), ("migrate",), ("serve", "--port", "0"), ("quickstart",)]
)
def test_a_bad_setting_is_one_line_that_names_it(
    rollbook: Rollbook,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    if command == ("quickstart",):
        command = ("quickstart", "--port", "0")
    assert name in one_line(rollbook, *command)


def test_another_key_file_is_refused(
    rollbook: Rollbook, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollbook("migrate")
    other = folder / "other.key"
    other.write_text("ab" * 32)
    monkeypatch.setenv("ROLLBOOK_KEY_FILE", str(other))
    for command in (("serve", "--port", "0"), ("realm", "create", "acme")):
        assert "ROLLBOOK_KEY_FILE" in one_line(rollbook, *command)


@pytest.mark.parametrize("key", [None, "", "changeme", "ab" * 16])
def test_a11_a_key_file_without_a_key_is_refused(
    rollbook: Rollbook, folder: Path, key: str | None
) -> None:
    rollbook("migrate")
    path = folder / "var/rollbook.key"
    path.unlink()
    if key is not None:
        path.write_text(key)
    line = one_line(rollbook, "serve", "--port", "0")
    assert "rollbook.key" in line
    assert "ROLLBOOK_KEY_FILE" in line


def test_the_key_file_is_for_its_owner_only(rollbook: Rollbook, folder: Path) -> None:
    rollbook("migrate")
    assert (folder / "var/rollbook.key").stat().st_mode & 0o777 == 0o600


def test_a_database_that_is_not_migrated_is_not_served(rollbook: Rollbook, folder: Path) -> None:
    rollbook("migrate")
    connection = sqlite3.connect(folder / "var/rollbook.db")
    connection.execute("DELETE FROM alembic_version")
    connection.commit()
    connection.close()
    for command in (("serve", "--port", "0"), ("realm", "list")):
        assert '"rollbook migrate"' in one_line(rollbook, *command)


def test_a_file_that_holds_nothing_yet_is_migrated(rollbook: Rollbook, folder: Path) -> None:
    (folder / "var").mkdir()
    (folder / "var/rollbook.db").touch()
    assert rollbook("realm", "list", "--json").value == []


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("migrate",), ("realm", "list")])
def test_a_database_of_a_newer_release_is_refused(
    rollbook: Rollbook, folder: Path, command: tuple[str, ...]
) -> None:
    rollbook("migrate")
    change(folder, "UPDATE alembic_version SET version_num = '9999'")
    assert "newer release" in one_line(rollbook, *command)


def test_an_event_of_a_newer_release_is_refused(rollbook: Rollbook, folder: Path) -> None:
    rollbook("realm", "create", "acme")
    change(folder, "UPDATE events SET topic = 'realm.blessed' WHERE topic = 'realm.client-added'")
    assert "realm.blessed" in one_line(rollbook, "client", "list", "acme")


def test_a_file_that_is_no_database_is_refused(rollbook: Rollbook, folder: Path) -> None:
    (folder / "var").mkdir()
    (folder / "var/rollbook.db").write_text("this is a letter, and not a database\n" * 100)
    assert "ROLLBOOK_DATABASE_URL" in one_line(rollbook, "realm", "list")


def test_a_folder_that_cannot_be_made_is_named(
    rollbook: Rollbook, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("ROLLBOOK_DATABASE_URL", f"sqlite:///{folder}/file/rollbook.db")
    assert str(folder / "file") in one_line(rollbook, "realm", "list")


def test_a_database_that_cannot_be_opened_is_one_line(
    rollbook: Rollbook, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLBOOK_DATABASE_URL", f"sqlite:///{folder}")
    assert "ROLLBOOK_DATABASE_URL" in one_line(rollbook, "realm", "list")


def test_a_folder_that_may_not_be_written_is_one_line(
    rollbook: Rollbook, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    # The administrator's account, which a test may run under, is refused nothing.
    monkeypatch.setattr(Path, "mkdir", refuse)
    line = one_line(rollbook, "quickstart", "--port", "0")
    assert line.startswith("rollbook: cannot use var: Permission denied")


def test_a_database_others_are_writing_says_to_try_again(rollbook: Rollbook, folder: Path) -> None:
    rollbook("migrate")
    writer = sqlite3.connect(folder / "var/rollbook.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        assert "try again" in one_line(rollbook, "realm", "list")
    finally:
        writer.close()


def test_a_defect_keeps_its_traceback(rollbook: Rollbook, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("api.cli.acting.read_settings", fail)
    with pytest.raises(ZeroDivisionError):
        rollbook("realm", "list")


@pytest.mark.parametrize(
    "arguments",
    [["realm", "creat"], ["realm", "create"], ["serve", "--port", "x"], ["serve", "--workers=0"]],
)
def test_wrong_usage_exits_2(rollbook: Rollbook, arguments: list[str]) -> None:
    done = rollbook(*arguments)
    assert (done.status, done.out) == (2, "")
    assert "--help" in done.err


@pytest.mark.parametrize(
    "command",
    [
        "serve",
        "migrate",
        "quickstart",
        "realm create",
        "realm list",
        "realm suspend",
        "realm resume",
        "client add",
        "client disable",
        "client enable",
        "client list",
        "secret issue",
        "secret retire",
        "secret list",
        "token issue",
        "token list",
        "token revoke",
    ],
)
def test_every_command_has_an_example(rollbook: Rollbook, command: str) -> None:
    done = rollbook(*command.split(), "--help")
    assert done.status == 0
    assert f"\n    rollbook {command}" in done.out


def test_the_version_is_shown(rollbook: Rollbook) -> None:
    done = rollbook("--version")
    assert done.status == 0
    assert done.out.startswith("rollbook")
