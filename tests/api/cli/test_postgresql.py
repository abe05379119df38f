"""The command line on PostgreSQL: what is wrong with an address is one clear line."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.api.cli.conftest import Rollbook
from tests.postgresql.cluster import Cluster


@pytest.fixture
def address(postgresql: Cluster, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty database, set for the commands of the test."""
    name = f"cli_{uuid4().hex[:8]}"
    url = postgresql.create_database(name)
    monkeypatch.setenv("ROLLBOOK_DATABASE_URL", url)
    yield url
    postgresql.drop_database(name)


def one_line(done: object, *words: str) -> None:
    status, out, err = done.status, done.out, done.err  # type: ignore[attr-defined]
    assert (status, out) == (1, "")
    assert err.startswith("rollbook: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_a_database_that_was_never_migrated_is_not_served(rollbook: Rollbook, address: str) -> None:
    one_line(rollbook("serve", "--port", "0"), "rollbook migrate")
    one_line(rollbook("realm", "list"), "rollbook migrate")


def test_a_database_of_a_newer_release_is_not_served(
    rollbook: Rollbook, postgresql: Cluster, address: str
) -> None:
    assert rollbook("migrate").status == 0
    with postgresql.connect(address.rpartition("/")[2]) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    one_line(rollbook("serve", "--port", "0"), "9999", "newer release")


def test_a_realm_is_made_and_the_key_lies_in_var(
    rollbook: Rollbook, folder: Path, address: str
) -> None:
    rollbook("migrate")
    assert rollbook("realm", "create", "acme", "--json").value["realm"] == "acme"
    assert (folder / "var/rollbook.key").stat().st_mode & 0o777 == 0o600


def test_another_key_file_is_refused(
    rollbook: Rollbook, folder: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollbook("migrate")
    monkeypatch.setenv("ROLLBOOK_KEY_FILE", str(folder / "missing.key"))
    one_line(rollbook("realm", "list"), "ROLLBOOK_KEY_FILE")
    (folder / "other.key").write_text("00" * 32)
    monkeypatch.setenv("ROLLBOOK_KEY_FILE", str(folder / "other.key"))
    one_line(rollbook("realm", "list"), "not the one this database was written with")


def test_a_missing_database_is_one_line(
    rollbook: Rollbook, postgresql: Cluster, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLBOOK_DATABASE_URL", postgresql.url("nowhere"))
    one_line(rollbook("migrate"), '"nowhere" does not exist', "createdb")


def test_a_wrong_password_is_one_line_that_does_not_repeat_it(
    rollbook: Rollbook, postgresql: Cluster, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"role_{uuid4().hex[:8]}"
    postgresql.create_role(role, "right-one")
    wrong = postgresql.url("postgres", user=role, password="wrong-one")
    monkeypatch.setenv("ROLLBOOK_DATABASE_URL", wrong)
    done = rollbook("migrate")
    one_line(done, "password", "check user and password in ROLLBOOK_DATABASE_URL")
    assert "wrong-one" not in done.err


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("postgresql://nobody@127.0.0.1:1/x", "can be reached"),
        ("postgresql://u:secret@h:port/x", "no database URL"),
        ("postgresql://127.0.0.1", "names no database"),
        ("postgresql+asyncpg://u:secret@h/x", "postgresql+psycopg"),
        ("mysql://u:secret@h/x", '"mysql" is not supported'),
    ],
)
def test_a_wrong_address_is_one_line(
    rollbook: Rollbook, folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, word: str
) -> None:
    monkeypatch.setenv("ROLLBOOK_DATABASE_URL", url)
    done = rollbook("doctor")
    one_line(done, word)
    assert "secret" not in done.err


def test_doctor_tells_what_is_in_order_from_what_is_not(rollbook: Rollbook, address: str) -> None:
    rollbook("migrate")
    done = rollbook("doctor", "--json")
    assert done.status == 1
    found = {each["setting"]: each for each in json.loads(done.out)}
    assert found["lock_timeout"]["value"] == "5000 ms"
    assert found["sequence cache of events.position"]["ok"]
    # A fleeting cluster of the tests waits for no disk, and that is what doctor is for.
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        assert (found[name]["value"], found[name]["ok"]) == ("off", False)
        assert "could be lost" in found[name]["advice"]


def test_doctor_notices_a_sequence_that_keeps_numbers_back(
    rollbook: Rollbook, postgresql: Cluster, address: str
) -> None:
    rollbook("migrate")
    with postgresql.connect(address.rpartition("/")[2]) as connection:
        connection.execute("ALTER SEQUENCE events_position_seq CACHE 20")
    done = rollbook("doctor")
    assert done.status == 1
    assert "ALTER SEQUENCE events_position_seq CACHE 1" in done.out
