"""A joiner, mover and leaver over six months, as Entra sends it; docs/audit.md asks about it."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.composition import Service, open_service
from api.settings import Settings
from domain.cause import Actor, Cause
from domain.handlers.realms import change_realm, create_realm, issue_token
from domain.schemas import ENTERPRISE_URN
from tests.api.cli.conftest import Rollbook, folder, rollbook
from tests.docs.pages import ROOT, blocks
from tests.docs.typing_shell import agrees

PAGE = (ROOT / "docs/audit.md").read_text(encoding="utf-8")
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SCOPES = ("scim.read", "scim.write", "audit.read")
__all__ = ["folder", "rollbook"]


def microseconds(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp()) * 1_000_000


class Company:
    """A realm whose clock is set to each day of the story."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.now = microseconds("2026-01-05T08:00:00+00:00")
        service.log.clock = lambda: self.now
        cause = Cause("", Actor("operator", "root"), "0" * 32, "rollbook realm create")
        realm, _ = create_realm(cause, service.log, "acme")
        own = Cause(realm, cause.actor, "1" * 32, "rollbook client add")
        change_realm(own, service.log, lambda r: r.add_client("auditor", SCOPES))
        self.tokens = {
            client: issue_token(own, service.log, client, days=3_650)[1]
            for client in ("scim", "auditor")
        }
        self.client = TestClient(create_app(service))

    def send(self, day: str, method: str, path: str, body: Any = None) -> Any:
        """Send what Entra sends on a day at nine."""
        self.now = microseconds(f"{day}T09:00:00+00:00")
        headers = {"Authorization": f"Bearer {self.tokens['scim']}"}
        answer = self.client.request(
            method, f"/realms/acme/scim/v2{path}", headers=headers, json=body
        )
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def ask(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens['auditor']}"}
        answer = self.client.get(f"/realms/acme/audit/v1{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


def patch(op: str, path: str, value: Any = None) -> dict[str, Any]:
    operation = {"op": op, "path": path} | ({} if value is None else {"value": value})
    return {"schemas": [PATCH], "Operations": [operation]}


@pytest.fixture
def told(tmp_path: Path) -> Iterator[tuple[Company, dict[str, str]]]:
    """The company after the six months, and the ids of the names on the page."""
    (tmp_path / "var").mkdir()
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'var/rollbook.db'}",
        key_file=tmp_path / "var/rollbook.key",
    )
    service = open_service(settings, may_migrate=True)
    company = Company(service)
    with company.client:
        yield company, live(company)
    service.close()


def live(company: Company) -> dict[str, str]:
    """Live through it."""
    group = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Payments approvers",
        "externalId": "g-1",
    }
    payments = company.send("2026-01-05", "POST", "/Groups", group)["id"]
    user = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE_URN],
        "userName": "ann@contoso.example",
        "externalId": "u-1",
        "displayName": "Ann Approver",
        "active": True,
        ENTERPRISE_URN: {"department": "Payments"},
    }
    ann = company.send("2026-01-12", "POST", "/Users", user)["id"]
    member = [{"$ref": None, "value": ann}]
    company.send("2026-02-02", "PATCH", f"/Groups/{payments}", patch("Add", "members", member))
    moved = patch("Replace", f"{ENTERPRISE_URN}:department", "Sales")
    company.send("2026-04-20", "PATCH", f"/Users/{ann}", moved)
    left = patch("Remove", "members", member)
    company.send("2026-04-20", "PATCH", f"/Groups/{payments}", left)
    company.send("2026-05-04", "PATCH", f"/Users/{ann}", patch("Replace", "displayName", "Ann A."))
    company.send("2026-06-30", "PATCH", f"/Users/{ann}", patch("Replace", "active", "False"))
    company.send("2026-07-30", "DELETE", f"/Users/{ann}")
    company.now = microseconds("2026-08-15T09:00:00+00:00")
    return {"PAYMENTS": payments, "ANN": ann}


def filled_in(text: str, ids: dict[str, str]) -> str:
    for name, id_ in ids.items():
        text = re.sub(rf"\b{name}\b", id_, text)
    return text


def test_every_question_of_the_page_is_answered_as_it_shows(
    told: tuple[Company, dict[str, str]],
) -> None:
    company, ids = told
    found = blocks(PAGE)
    asked = shown = 0
    for block, following in zip(found, [*found[1:], None], strict=True):
        if block.language != "http":
            continue
        answer = company.ask(filled_in(block.text.removeprefix("GET ").strip(), ids))
        asked += 1
        if following is not None and following.language == "json":
            wanted = json.loads(filled_in(following.text, ids))
            assert agrees(wanted, answer), (block.text, answer)
            shown += 1
    assert (asked, shown) == (10, 6)


def test_april_is_told_net(told: tuple[Company, dict[str, str]]) -> None:
    company, ids = told
    april = company.ask("/diff?from=2026-04-01T00:00:00Z&to=2026-05-01T00:00:00Z")
    assert [each["resourceId"] for each in april["changed"]] == [ids["ANN"]]
    assert not april["created"]
    assert not april["deleted"]
    assert not april["joined"]
    [left] = april["left"]
    assert ids["ANN"] in json.dumps(left)
    assert ids["PAYMENTS"] in json.dumps(left)


def test_before_and_after_her_time_there_is_no_ann(told: tuple[Company, dict[str, str]]) -> None:
    company, ids = told
    headers = {"Authorization": f"Bearer {company.tokens['auditor']}"}
    base = f"/realms/acme/audit/v1/Users/{ids['ANN']}?at="
    early = company.client.get(f"{base}2026-01-11T00:00:00Z", headers=headers)
    late = company.client.get(f"{base}2026-08-01T00:00:00Z", headers=headers)
    assert (early.status_code, late.status_code) == (404, 404)
    assert "created at 2026-01-12T09:00:00.000000Z" in early.json()["detail"]
    assert "deleted at 2026-07-30T09:00:00.000000Z" in late.json()["detail"]


def test_the_command_line_answers_the_same(
    told: tuple[Company, dict[str, str]], rollbook: Rollbook
) -> None:
    _, ids = told
    typed = [b.text for b in blocks(PAGE) if b.language == "sh"]
    lines = [filled_in(line, ids) for text in typed for line in text.splitlines()]
    printed = {}
    for line in lines:
        if " replay " not in line:
            continue  # the auditor is made already
        done = rollbook(*shlex.split(line)[1:])
        assert (done.status, done.err) == (0, ""), line
        printed[" ".join(line.split()[1:3])] = done.out
    assert "Ann Approver" in printed["replay members"]
    assert json.loads(printed["replay as-of"])["displayName"] == "Ann Approver"
    assert "Payments" in printed["replay as-of"]
    assert ids["ANN"] in printed["replay directory"]
    assert "Sales" in printed["replay history"]
    assert "as the events say" in printed["replay verify"]
    assert ids["ANN"] in printed["replay diff"]
