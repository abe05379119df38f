import re
from datetime import UTC, datetime, timedelta

import pytest

from api.cli.expiry import expiry_of
from domain.credentials import CredentialKind, kind_of
from projections.credentials import CredentialRow
from tests.api.cli.conftest import Rollbook

DAY = 86_400_000_000


@pytest.fixture(autouse=True)
def acme(rollbook: Rollbook) -> None:
    assert rollbook("realm", "create", "acme").status == 0


def test_clients_are_added_disabled_and_enabled(rollbook: Rollbook) -> None:
    added = rollbook("client", "add", "acme", "hr-import", "--json").value
    assert added["scopes"] == ["scim.read", "scim.write"]
    rollbook("client", "add", "acme", "audit", "--scope", "scim.read", "--scope", "audit.read")
    assert rollbook("client", "disable", "acme", "audit", "--json").value["changed"] is True
    listed = rollbook("client", "list", "acme", "--json").value
    assert [(c["client_id"], c["enabled"]) for c in listed] == [
        ("audit", False),
        ("hr-import", True),
        ("scim", True),
    ]
    assert listed[0]["scopes"] == ["scim.read", "audit.read"]
    assert "disabled" in rollbook("client", "list", "acme").out
    assert rollbook("client", "enable", "acme", "audit", "--json").value["enabled"] is True
    assert "enabled already" in rollbook("client", "enable", "acme", "audit").out


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        (("client", "add", "acme", "scim"), 'client "scim" exists already'),
        (("client", "add", "acme", "a b"), '"a b" cannot be a client id'),
        (("client", "add", "acme", "hr", "--scope", "root"), "not root"),
        (("client", "disable", "acme", "hr"), 'no client "hr" (it has scim)'),
        (("secret", "issue", "acme", "--client", "hr"), 'no client "hr" (it has scim)'),
        (("secret", "retire", "acme", "x"), 'no secret "x" in use'),
        (("token", "issue", "acme", "--scope", "audit.read"), "not audit.read"),
        (("token", "revoke", "acme", "x"), 'no token "x" in use'),
    ],
)
def test_what_the_realm_refuses_is_one_line(
    rollbook: Rollbook, command: tuple[str, ...], fact: str
) -> None:
    done = rollbook(*command, "--json")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("rollbook: ")
    assert fact in done.err
    assert done.err.count("\n") == 1


def test_a_second_secret_is_issued_and_the_first_retired(rollbook: Rollbook) -> None:
    [first] = rollbook("secret", "list", "acme", "--json").value
    issued = rollbook("secret", "issue", "acme", "--json").value
    assert kind_of(issued["client_secret"]) is CredentialKind.SECRET
    retired = rollbook("secret", "retire", "acme", first["secret_id"], "--json").value
    assert retired == {"realm": "acme", "secret_id": first["secret_id"], "retired": True}
    listed = rollbook("secret", "list", "acme", "--json").value
    assert [(s["secret_id"], s["retired_at"] is None) for s in listed] == [
        (first["secret_id"], False),
        (issued["secret_id"], True),
    ]
    shown = rollbook("secret", "list", "acme").out
    assert issued["secret_id"] in shown
    assert issued["client_secret"] not in shown
    assert rollbook("secret", "retire", "acme", first["secret_id"]).status == 1
    assert "shown this once" in rollbook("secret", "issue", "acme").out


def test_a_token_is_issued_listed_and_revoked(rollbook: Rollbook) -> None:
    issued = rollbook("token", "issue", "acme", "--json").value
    assert sorted(issued) == ["expires_at", "token", "token_id"]
    assert kind_of(issued["token"]) is CredentialKind.TOKEN
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", issued["expires_at"])
    left = datetime.fromisoformat(issued["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=364) < left <= timedelta(days=365)
    [listed] = rollbook("token", "list", "acme", "--json").value
    assert (listed["state"], listed["scopes"]) == ("in use", ["scim.read", "scim.write"])
    assert issued["token"] not in rollbook("token", "list", "acme").out
    assert rollbook("token", "revoke", "acme", issued["token_id"], "--json").value["revoked"]
    [listed] = rollbook("token", "list", "acme", "--json").value
    assert listed["state"] == f"revoked {listed['revoked_at']}"
    assert rollbook("token", "revoke", "acme", issued["token_id"]).status == 1


def test_people_are_told_that_a_token_is_shown_once(rollbook: Rollbook) -> None:
    done = rollbook("token", "issue", "acme", "--days", "90", "--scope", "scim.read")
    assert "rbt_" in done.out
    assert "shown this once" in done.out


@pytest.mark.parametrize("days", ["0", "-1", "4000", "soon"])
def test_a_life_a_token_cannot_have_is_wrong_usage(rollbook: Rollbook, days: str) -> None:
    done = rollbook("token", "issue", "acme", f"--days={days}")
    assert (done.status, done.out) == (2, "")
    assert "--days" in done.err


@pytest.mark.parametrize(("days", "within"), [(1, 1), (7, 7), (8, 30), (30, 30), (31, None)])
def test_a_token_that_expires_soon_is_warned_about(
    rollbook: Rollbook, days: int, within: int | None
) -> None:
    rollbook("token", "issue", "acme", "--days", str(days))
    [listed] = rollbook("token", "list", "acme", "--json").value
    assert listed["expires_within_days"] == within
    out = rollbook("token", "list", "acme").out
    assert ("Warning: token" in out) is (within is not None)


@pytest.mark.parametrize(
    ("left", "revoked_at", "state"),
    [
        (DAY, None, "expires within 1 day"),
        (DAY + 1, None, "expires within 7 days"),
        (30 * DAY + 1, None, "in use"),
        (0, None, "expired"),
        (-DAY, None, "expired"),
        (DAY, 0, "revoked 1970-01-01T00:00:00Z"),
    ],
)
def test_how_a_token_stands(left: int, revoked_at: int | None, state: str) -> None:
    now = 1_000 * DAY
    row = CredentialRow("t", "scim", "rbt", "scim.read", 0, now + left, revoked_at)
    assert expiry_of(row, now).state == state


def test_a11_no_secret_can_be_chosen(rollbook: Rollbook) -> None:
    for command in (("client", "add", "acme", "hr"), ("secret", "issue", "acme")):
        done = rollbook(*command, "--secret", "changeme")
        assert (done.status, done.out) == (2, "")
