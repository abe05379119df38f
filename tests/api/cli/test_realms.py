import sqlite3
from pathlib import Path

import orjson
import pytest

from domain.credentials import CredentialKind, kind_of
from tests.api.cli.conftest import Rollbook


def test_a_realm_is_made_with_everything_a_client_needs(
    rollbook: Rollbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLBOOK_PUBLIC_URL", "https://scim.example.com/")
    made = rollbook("realm", "create", "acme", "--json").value
    secret = made.pop("client_secret")
    assert kind_of(secret) is CredentialKind.SECRET
    assert made == {
        "realm": "acme",
        "tenant_url": "https://scim.example.com/realms/acme/scim/v2",
        "token_endpoint": "https://scim.example.com/realms/acme/protocol/openid-connect/token",
        "client_id": "scim",
    }


def test_people_are_told_that_a_secret_is_shown_once(rollbook: Rollbook) -> None:
    done = rollbook("realm", "create", "acme")
    assert "rbs_" in done.out
    assert "shown this once" in done.out


def test_a_taken_name_is_one_line(rollbook: Rollbook) -> None:
    rollbook("realm", "create", "acme")
    done = rollbook("realm", "create", "acme", "--json")
    assert (done.status, done.out) == (1, "")
    assert done.err == 'rollbook: a realm called "acme" already exists\n'


@pytest.mark.parametrize("name", ["Acme", "a", "-acme", "acme.com", "a" * 64, "ac/me"])
def test_a_name_that_cannot_stand_in_an_address_is_one_line(rollbook: Rollbook, name: str) -> None:
    done = rollbook("realm", "create", "--", name)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f'rollbook: "{name}" cannot be the name of a realm')
    assert done.err.count("\n") == 1


def test_realms_are_listed_by_name(rollbook: Rollbook) -> None:
    assert rollbook("realm", "list", "--json").value == []
    assert "rollbook realm create" in rollbook("realm", "list").out
    rollbook("realm", "create", "b-realm", "--allow-duplicate-group-names")
    rollbook("realm", "create", "a-realm")
    first, second = rollbook("realm", "list", "--json").value
    assert (first["realm"], first["unique_group_names"]) == ("a-realm", True)
    assert (second["realm"], second["unique_group_names"]) == ("b-realm", False)
    lines = rollbook("realm", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["realm", "a-realm", "b-realm"]
    assert lines[1].rstrip().endswith("/realms/a-realm/scim/v2")


def test_a_realm_is_suspended_and_resumed(rollbook: Rollbook) -> None:
    rollbook("realm", "create", "acme")
    suspended = {"realm": "acme", "suspended": True}
    assert rollbook("realm", "suspend", "acme", "--json").value == {**suspended, "changed": True}
    assert rollbook("realm", "suspend", "acme", "--json").value == {**suspended, "changed": False}
    assert "already" in rollbook("realm", "suspend", "acme").out
    assert "suspended" in rollbook("realm", "list").out
    refused = rollbook("token", "issue", "acme")
    assert (refused.status, refused.out) == (1, "")
    assert "resume it first" in refused.err
    assert rollbook("realm", "resume", "acme", "--json").value["suspended"] is False
    assert rollbook("token", "issue", "acme").status == 0


@pytest.mark.parametrize(
    "command",
    [
        ("realm", "suspend", "nowhere"),
        ("realm", "resume", "nowhere"),
        ("client", "add", "nowhere", "hr"),
        ("client", "list", "nowhere"),
        ("secret", "issue", "nowhere"),
        ("secret", "retire", "nowhere", "x"),
        ("secret", "list", "nowhere"),
        ("token", "issue", "nowhere"),
        ("token", "list", "nowhere"),
        ("token", "revoke", "nowhere", "x"),
    ],
)
def test_an_unknown_realm_is_one_line(rollbook: Rollbook, command: tuple[str, ...]) -> None:
    done = rollbook(*command)
    assert (done.status, done.out) == (1, "")
    assert done.err == 'rollbook: there is no realm "nowhere"; "rollbook realm list" shows them\n'


def test_the_log_says_which_operator_ran_which_command(
    rollbook: Rollbook, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "grace")
    rollbook("realm", "create", "acme")
    rollbook("realm", "suspend", "acme")
    with sqlite3.connect(folder / "var/rollbook.db") as connection:
        rows = connection.execute("SELECT realm, state FROM events ORDER BY position").fetchall()
    connection.close()
    causes = [orjson.loads(state)["clear"]["cause"] for _, state in rows]
    assert {realm for realm, _ in rows} == {rows[0][0]}
    assert {cause["actor"]["kind"] for cause in causes} == {"operator"}
    assert {cause["actor"]["id"] for cause in causes} == {"grace"}
    assert [cause["operation"] for cause in causes] == [
        *["rollbook realm create"] * 3,
        "rollbook realm suspend",
    ]
    assert len({cause["correlation_id"] for cause in causes}) == 2
