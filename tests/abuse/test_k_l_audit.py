"""History under attack: clocks that jump, answers that lag, failures that tell too much (ABUSE)."""

from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.composition import Service
from api.settings import Settings
from domain.handlers.realms import change_realm, issue_token
from domain.instants import instant
from projections.audit.g1 import AuditG1
from projections.recorder import SqlRecorder
from tests.audited import SCOPES, auditing
from tests.engines import Engine
from tests.houses import KEY, opened_house
from tests.projections.followed import following

SECOND = 1_000_000
DAY, TEN_YEARS = 86_400 * SECOND, 3_652 * 86_400 * SECOND
NOON = 1_772_539_200 * SECOND  # 2026-03-03T12:00:00Z
JUMPS = [0, SECOND, TEN_YEARS, -DAY, -DAY, -DAY + SECOND, 0, TEN_YEARS + DAY, 2 * SECOND]
"""What the clock shows after noon, write by write: ten years ahead, a day behind, back again."""


def test_k1_clocks_that_jump_never_reorder_history(engine: Engine) -> None:
    now = [NOON - DAY]
    with opened_house(engine, clock=lambda: now[0]) as house:
        following(house.log, AuditG1())
        change_realm(house.cause(), house.log, lambda r: r.add_client("auditor", SCOPES))
        _, token, _ = issue_token(house.cause(), house.log, "auditor", days=36_500)
        service = Service(Settings(), house.database, house.log.registry, KEY, house.log)
        headers = {"Authorization": f"Bearer {token}"}
        with TestClient(create_app(service)) as client:

            def ask(method: str, path: str, body: Any = None) -> Any:
                url = f"/realms/acme/{path}"
                answer = client.request(method, url, headers=headers, json=body)
                assert answer.status_code < 300, (path, answer.text)
                return answer

            now[0] = NOON
            ann = ask("POST", "scim/v2/Users", {"userName": "ann", "title": "0"}).json()["id"]
            told: list[tuple[str, bytes]] = []
            for number, jump in enumerate(JUMPS, 1):
                now[0] = NOON + jump
                body = {"userName": "ann", "title": str(number)}
                whole = ask("PUT", f"scim/v2/Users/{ann}", body).content
                told.append((instant(house.events()[-1].recorded_at), whole))
            now[0] = NOON  # whatever the clock shows now: what was recorded can be asked for
            for at, whole in told:
                then = f"at={at.replace('+', '%2B')}&derived=true"
                assert ask("GET", f"audit/v1/Users/{ann}?{then}").content == whole
                listed = ask("GET", f"audit/v1/Users?{then}").content
                assert whole in listed
            instants = [at for at, _ in told]
            assert instants == sorted(set(instants))
            changes = ask("GET", f"audit/v1/events?resourceId={ann}&attribute=title").json()
    titles = [each["changes"] for each in changes["events"]]
    after = [c["after"] for t in titles for c in t if c["path"] == "title"]
    assert after == [str(number) for number in reversed(range(len(JUMPS) + 1))]


def test_j6_what_was_answered_is_in_every_answer_at_once(engine: Engine) -> None:
    with auditing(engine) as auditor:  # its follower never runs
        headers = {"Authorization": f"Bearer {auditor.tokens['acme']}"}
        base = "/realms/acme/scim/v2"
        for number in range(5):
            sent = {"userName": f"ann-{number}"}
            made = auditor.client.post(f"{base}/Users", headers=headers, json=sent).json()
            found = auditor.client.get(f"{base}/Users/{made['id']}", headers=headers)
            listed = auditor.client.get(
                f'{base}/Users?filter=userName eq "ann-{number}"', headers=headers
            )
            [event] = auditor.get(f"/events?resourceId={made['id']}").json()["events"]
            at = event["recordedAt"]
            then = auditor.get(f'/Users?at={at}&filter=userName eq "ann-{number}"').json()
            assert found.status_code == 200
            assert listed.json()["totalResults"] == 1
            assert event["action"] == "user.created"
            assert [each["id"] for each in then["resources"]] == [made["id"]]


def test_l4_a_failure_tells_its_correlation_id_and_nothing_else(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "SELECT secret FROM /srv/rollbook/projections/audit.py"

    def broken(*_: Any) -> Any:
        raise RuntimeError(secret)

    with auditing(engine) as auditor:
        at = auditor.get("/events").json()["events"][0]["recordedAt"]
        for place, path in (
            ("api.audit.directory.DirectoryThen.page", f"/Users?at={at}"),
            ("api.audit.history.AuditLog.page_between", "/events"),
        ):
            monkeypatch.setattr(place, broken)
            answer = auditor.get(path)
            assert answer.status_code == 500
            assert "Traceback" not in answer.text
            assert secret not in answer.text
            assert ".py" not in answer.text
            assert "server" not in answer.headers
            assert "correlation" in answer.json()["detail"]


def test_l9_an_event_that_cannot_be_recorded_fails_the_whole_request(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fired = []

    def full(*_: Any, **__: Any) -> Any:
        from domain.refusals import Unavailable

        fired.append(1)
        raise Unavailable("the database is busy or gone; try again in a moment")

    with auditing(engine) as auditor:
        before = auditor.house.rows()
        monkeypatch.setattr(SqlRecorder, "insert_events", full)
        headers = {"Authorization": f"Bearer {auditor.tokens['acme']}"}
        answer = auditor.client.post(
            "/realms/acme/scim/v2/Users", headers=headers, json={"userName": "ann"}
        )
        monkeypatch.undo()
        after = auditor.house.rows()
    assert fired
    assert answer.status_code == 503
    assert orjson.loads(answer.content)["status"] == "503"
    journal = ("requests", "request_gaps")
    assert {n: r for n, r in before.items() if n not in journal} == {
        n: r for n, r in after.items() if n not in journal
    }
