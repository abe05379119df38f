"""`rollbook replay history`, `diff` and `export`."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.composition import Service, open_service
from api.settings import Settings
from domain.cause import Actor, Cause
from domain.commands import CreateGroup, CreateUser, DeleteUser, ReplaceUser
from domain.handlers.groups import create_group
from domain.handlers.users import create_user, delete_user, replace_user
from domain.patching import MemberDelta
from projections.realms import get_realm
from tests.api.cli.conftest import Operator, Rollbook
from tests.api.cli.test_failures import one_line

SMALL = 64 * 1024
"""Bytes a file may have at most."""
EVIL = "\x1b[31m2026 INFO admin login\x9b1m\u202e"
BEFORE_ALL = "2020-01-01T00:00:00Z"


class Writer:
    """Writes to the database of an operator's folder."""

    def __init__(self, service: Service) -> None:
        with service.database.reading() as connection:
            realm = get_realm(connection, "acme").realm
        self.cause = Cause(realm, Actor("client", "scim", "t1"), "c" * 32, "POST /Users", "::1")
        self.log = service.log

    def user(self, name: str, **document: object) -> str:
        sent = {"userName": name, **document}
        return self.log.handle(create_user, CreateUser(self.cause, sent)).id

    def group(self, name: str, *members: str) -> str:
        delta = MemberDelta().adding(members)
        command = CreateGroup(self.cause, {"displayName": name}, delta)
        return self.log.handle(create_group, command).id


def writing(folder: Path) -> tuple[Service, Writer]:
    service = open_service(Settings(database_url=f"sqlite:///{folder}/var/rollbook.db"))
    return service, Writer(service)


@pytest.fixture
def writer(rollbook: Rollbook, folder: Path) -> Iterator[Writer]:
    assert rollbook("realm", "create", "acme").status == 0
    service, made = writing(folder)
    yield made
    service.close()


def test_a_history_tells_what_became_of_a_user(rollbook: Rollbook, writer: Writer) -> None:
    ann = writer.user("ann", displayName="Ann", title="clerk")
    writer.group("Payments", ann)
    document = {"userName": "ann", "displayName": "Ann", "title": "head"}
    writer.log.handle(replace_user, ReplaceUser(writer.cause, ann, document))
    shown = rollbook("replay", "history", "acme", "User", ann, "--attribute", "title").out
    first, second, third = shown.splitlines()[:3]
    assert first.split() == ["at", "action", "resource", "what", "by", "from"]
    assert "user.attributes-changed" in second
    assert f"User Ann {ann}" in second
    assert "title: clerk -> head" in second
    assert "client scim token t1" in second
    assert "::1" in second
    assert "user.created" in third
    told = rollbook("replay", "history", "acme", "User", ann, "--json").value
    assert [event["action"] for event in told["events"]] == [
        "user.attributes-changed",
        "user.created",
    ]
    assert told["more"] is False
    assert "+ Ann " in rollbook("replay", "history", "acme", "Group").out
    newest = rollbook("replay", "history", "acme", "--limit", "1")
    assert "There are older ones" in newest.out
    nothing = rollbook("replay", "history", "acme", "--actor", "nobody")
    assert nothing.out == "Nothing of that kind happened.\n"
    by_operator = rollbook("replay", "history", "acme", "--action", "realm.secret-issued").out
    assert "secretId" in by_operator


def test_a_difference_is_shown_and_told(rollbook: Rollbook, writer: Writer) -> None:
    ann, bob = writer.user("ann", displayName="Ann"), writer.user("bob")
    writer.group("Payments", ann, bob)
    middle = rollbook("replay", "history", "acme", "--limit", "1", "--json").value["events"][0]
    writer.log.handle(delete_user, DeleteUser(writer.cause, bob))
    now = rollbook("replay", "history", "acme", "--limit", "1", "--json").value["events"][0]
    range_ = ("--from", middle["recordedAt"], "--to", now["recordedAt"])
    shown = rollbook("replay", "diff", "acme", *range_).out
    assert f"deleted  User bob {bob}" in shown
    assert "left     Group Payments" in shown
    told = rollbook("replay", "diff", "acme", *range_, "--json").value
    assert [each["resourceId"] for each in told["deleted"]] == [bob]
    assert told["created"] == told["changed"] == told["joined"] == []
    same = rollbook(
        "replay", "diff", "acme", "--from", now["recordedAt"], "--to", now["recordedAt"]
    )
    assert same.out == "The two instants do not differ.\n"


def test_l1_nothing_in_a_table_is_obeyed_by_a_terminal(rollbook: Rollbook, writer: Writer) -> None:
    writer.user("ann", displayName=f"x\n{EVIL}", title="y" * 5_000)
    for command in (
        ("history", "acme", "User"),
        ("diff", "acme", "--from", BEFORE_ALL, "--to", "2026-01-01T00:00:00Z"),
    ):
        shown = rollbook("replay", *command).out
        assert not {"\x1b", "\x9b", "\u202e"} & set(shown)
        assert "y" * 300 not in "".join(shown.split())
    shown = rollbook("replay", "history", "acme", "User").out
    assert "x\\n\\x1b[31m2026 INFO admin login" in shown


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        (("history", "acme", "Robot"), "resourceType is one of"),
        (("history", "acme", "User", "x"), "resourceId is no id"),
        (("history", "acme", "User", "0" * 32), "does not exist"),
        (("history", "acme", "--action", "x"), "action is one of"),
        (("history", "acme", "--attribute", "x"), "attribute names none"),
        (("history", "acme", "--from", "yesterday"), "from is no instant"),
        (("history", "nowhere"), 'no realm "nowhere"'),
        (("diff", "acme", "--from", "2026-01-01", "--to", BEFORE_ALL), "from has no time zone"),
        (("diff", "acme", "--from", "2021-01-01T00:00:00Z", "--to", BEFORE_ALL), "from lies after"),
        (("diff", "acme", "--from", BEFORE_ALL, "--to", "2999-01-01T00:00:00Z"), "in the future"),
        (("export", "acme", "--format", "csv", "--output", "no/a.csv"), "cannot write no/a.csv"),
        (("export", "acme", "--format", "csv", "--output", "var"), "cannot write var"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    rollbook: Rollbook, writer: Writer, command: tuple[str, ...], fact: str
) -> None:
    assert fact in one_line(rollbook, "replay", *command)


def test_an_export_goes_to_a_file_or_to_standard_output(
    rollbook: Rollbook, writer: Writer, folder: Path
) -> None:
    writer.user("ann", title="=1+1")
    told = rollbook("replay", "history", "acme", "--json").value["events"]
    out = rollbook("replay", "export", "acme", "--format", "jsonl")
    assert (out.status, out.err) == (0, "")
    assert [json.loads(line) for line in out.out.splitlines()] == told[::-1]
    named = ("replay", "export", "acme", "--format", "csv", "--output", "acme.csv")
    assert rollbook(*named).out == f"acme.csv holds {len(told)} events.\n"
    assert (folder / "acme.csv").stat().st_mode & 0o777 == 0o600
    assert '"\'=1+1"' in (folder / "acme.csv").read_text()
    assert "cannot write acme.csv: File exists" in one_line(rollbook, *named)
    done = rollbook(*named, "--force", "--json", "--to", BEFORE_ALL).value
    assert done == {"file": "acme.csv", "format": "csv", "events": 0}
    assert rollbook("replay", "export", "acme", "--format", "csv", "--json").status == 2


def many(operator: Operator) -> None:
    """Make a realm whose export is larger than a pipe, and than a small disk."""
    operator.run("realm", "create", "acme")
    service, writer = writing(operator.folder)
    for number in range(40):
        writer.user(f"user {number}", title="x" * 8_000)
    service.close()


def test_a_full_disk_is_one_line_and_leaves_no_half_file(operator: Operator) -> None:
    many(operator)
    command = ["replay", "export", "acme", "--format", "jsonl", "--output", "acme.jsonl"]
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *command],
        cwd=operator.folder,
        env=operator.env,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL)),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("rollbook: cannot write acme.jsonl: ")
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in operator.folder.iterdir()) == ["var"]


EXPORT = ("replay", "export", "acme", "--format", "jsonl")


def piped(
    operator: Operator, target: str, *arguments: str, unbuffered: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command whose output goes through a shell."""
    command = f'"{sys.executable}" -m api.cli {" ".join(arguments)} {target}'
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=operator.folder,
        env={**operator.env, "PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("target", ["| head -c 100 > part", "> /dev/full"])
def test_a_reader_that_goes_is_one_line(operator: Operator, target: str, unbuffered: str) -> None:
    many(operator)
    done = piped(operator, target, *EXPORT, unbuffered=unbuffered)
    assert done.returncode == 1
    assert done.stderr.startswith("rollbook: the export ended early: standard output: ")
    assert done.stderr.count("\n") == 1


def test_a_slow_reader_gets_everything(operator: Operator) -> None:
    many(operator)
    for unbuffered in ("", "1"):
        done = piped(operator, "| (sleep 0.2; wc -l)", *EXPORT, unbuffered=unbuffered)
        assert (done.returncode, int(done.stdout)) == (0, 43)
