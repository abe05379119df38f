"""Every recorded conversation is one test: a new client oddity is one new file beside this one."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.clients.player import OPERATORS, STEP, TYPES, VARIABLE, Player
from tests.serving import RunningServer, ServedRealm

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*/*.json"))
GIVEN = {"base", "token", "secret", "other_tenant_token"}
REQUEST_KEYS = {
    *("method", "path", "query", "query_is_raw", "body", "raw_body", "form"),
    *("headers", "auth", "base"),
}
CERTAINTIES = {"documented", "observed", "inferred", "rfc"}

conversations = pytest.mark.parametrize(
    "file", FILES, ids=[f"{file.parent.name}/{file.stem}" for file in FILES]
)


@pytest.fixture(scope="module")
def player(server: RunningServer, module_realm: ServedRealm) -> Player:
    return Player(
        module_realm.base,
        {
            "token": module_realm.token,
            "secret": module_realm.secret,
            "other_tenant_token": server.other_token,
        },
    )


@conversations
def test_the_client_gets_an_answer_it_can_live_with(file: Path, player: Player) -> None:
    conversation = json.loads(file.read_text())
    reasons = player.play(conversation)
    assert not reasons, "\n".join(
        [f"{conversation['source']} ({conversation['certainty']})"]
        + [conversation["expect"]["notes"]]
        + [f"- {reason}" for reason in reasons]
    )


@conversations
def test_a_conversation_is_well_formed(file: Path) -> None:
    conversation = json.loads(file.read_text())
    assert conversation["id"] == file.stem
    assert conversation["source"], "every conversation names where it was seen"
    assert conversation["certainty"] in CERTAINTIES
    assert conversation["tags"]
    allowed = {"id", "source", "certainty", "tags", "setup", "request", "expect"}
    assert set(conversation) <= allowed
    known = set(GIVEN)
    for step in conversation.get("setup", []):
        assert_request(step, {"save"}, known)
        known |= set(step.get("save", {}))
    assert_request(conversation["request"], {"repeat"}, known)
    expect = conversation["expect"]
    assert set(expect) == {"status", "notes", "checks"}
    assert expect["status"]
    assert all(isinstance(status, int) for status in expect["status"])
    for check in expect["checks"]:
        assert_check(check, known)


def test_the_names_of_conversations_are_unique() -> None:
    assert len({file.stem for file in FILES}) == len(FILES)


def test_all_the_conversations_are_found() -> None:
    assert len(FILES) >= 142
    assert {file.parent.name for file in FILES} >= {"entra", "okta", "onelogin", "google", "any"}


def assert_request(request: dict[str, Any], more: set[str], known: set[str]) -> None:
    assert set(request) <= REQUEST_KEYS | more, "a key the player would ignore"
    assert request["method"] in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert request["path"].startswith("/")
    assert request.get("base", "endpoint") == "endpoint"
    assert len(request.keys() & {"body", "raw_body", "form"}) <= 1
    unknown = set(VARIABLE.findall(json.dumps(request))) - known
    assert not unknown, f"variables nothing saves: {unknown}"


def assert_check(check: dict[str, Any], known: set[str]) -> None:
    assert len(check.keys() & OPERATORS.keys()) == 1
    assert set(check) <= {"path", "on", *OPERATORS}
    assert check["path"].startswith("header:") or re.fullmatch(
        rf"\$(?:{STEP.pattern})*", check["path"]
    )
    assert check.get("type", "string") in TYPES
    if "on" in check:
        assert_request(check["on"], set(), known)
    assert not set(VARIABLE.findall(json.dumps(check))) - known
