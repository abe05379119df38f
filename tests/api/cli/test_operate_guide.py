import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from api.composition import Service, open_service
from api.settings import Settings, read_settings
from domain.cause import Actor, Cause
from domain.commands import CreateGroup, CreateUser, DeleteUser
from domain.handlers.groups import create_group
from domain.handlers.users import create_user, delete_user
from domain.patching import MemberDelta
from projections.realms import get_realm
from tests.api.cli.conftest import Operator, Rollbook
from tests.api.cli.test_serving import pasted, wait_until_ready
from tests.serving import PROJECT, free_port

GUIDE = (PROJECT / "docs/operate.md").read_text(encoding="utf-8")
SERVERS = ("rollbook serve", "rollbook quickstart")


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def filled_in(rollbook: Rollbook, line: str) -> str:
    """Put ids of the realm `acme` where the guide says SECRET_ID, TOKEN_ID, USER_ID or GROUP_ID."""
    for noun in ("secret", "token"):
        if f"{noun.upper()}_ID" in line:
            [first, *_] = rollbook(noun, "list", "acme", "--json").value
            line = line.replace(f"{noun.upper()}_ID", first[f"{noun}_id"])
    if "GROUP_ID" in line:
        line = line.replace("GROUP_ID", new_group()).replace("2026-03-03T12:00:00Z", now())
    return line.replace("USER_ID", deleted_user()) if "USER_ID" in line else line


def now() -> str:
    """Return the present instant, as the guide writes them."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def new_group() -> str:
    """Return the id of a new group of the realm `acme`."""
    with acting() as (service, cause):
        command = CreateGroup(cause, {"displayName": uuid4().hex}, MemberDelta())
        return service.log.handle(create_group, command).id


def deleted_user() -> str:
    """Return the id of a user of the realm `acme` that is deleted."""
    with acting() as (service, cause):
        command = CreateUser(cause, {"userName": uuid4().hex})
        user_id = service.log.handle(create_user, command).id
        service.log.handle(delete_user, DeleteUser(cause, user_id))
        return user_id


@contextmanager
def acting() -> Iterator[tuple[Service, Cause]]:
    """Open the service of the guide's settings, to write in the realm `acme` as its client."""
    service = open_service(read_settings())
    with service.database.reading() as connection:
        realm = get_realm(connection, "acme").realm
    yield service, Cause(realm, Actor("client", "scim"), "c" * 32, "test")
    service.close()


def test_every_command_of_the_guide_runs_in_its_order(
    operator: Operator, rollbook: Rollbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = 0
    for number, line in enumerate(commands()):
        words = filled_in(rollbook, line).split()
        if line.startswith("export "):
            name, value = words[1].split("=", 1)
            operator.env[name] = value
            monkeypatch.setenv(name, value)
        elif line.startswith(SERVERS):
            port = free_port()
            # The last --port counts.
            process = operator.start(*words[1:], "--port", str(port), name=f"server{number}")
            wait_until_ready(process, port)
        elif line.startswith("rollbook "):
            done = rollbook(*words[1:])
            assert (done.status, done.err) == (0, ""), line
        elif line.startswith("curl "):
            assert pasted(line.replace(":8000", f":{port}"))["status"] in ("live", "ready")
        else:
            pytest.fail(f"the guide has a line that is no command: {line}")


def test_every_command_is_in_the_guide(rollbook: Rollbook) -> None:
    shown = {" ".join(line.split()[1:3]) for line in commands()}
    for noun in ("realm", "client", "secret", "token", "replay"):
        helped = rollbook(noun, "--help").out.split("Commands:")[1]
        verbs = re.findall(r"^  ([\w-]+)", helped, re.MULTILINE)
        assert {f"{noun} {verb}" for verb in verbs} <= shown
    assert {"serve", "migrate", "quickstart", "doctor"} <= {line.split()[1] for line in commands()}


def test_the_table_holds_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `ROLLBOOK_(\w+)` \| (.*?) \|", GUIDE, re.MULTILINE))
    assert {name.lower() for name in rows} == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        shown = rows[name.upper()]
        if field.default not in (None, ""):
            assert shown == f"`{field.default}`"
        else:
            assert not shown.startswith("`") or name == "key_file"
