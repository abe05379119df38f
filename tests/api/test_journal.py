"""Every request of a realm is one row of its journal, whatever was answered."""

from collections.abc import Iterator
from typing import Any

import pytest

from domain.refusals import Unavailable
from tests.abuse.guarding import PUBLIC, address, declared
from tests.api.guarded import basic
from tests.api.journaled import AUDITOR, Journaled, journaled_on
from tests.engines import Engine

TOKEN = "/realms/acme/protocol/openid-connect/token"
USERS = "/realms/{realm}/scim/v2/Users"
USER = USERS + "/{resource_id}"
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def journaled(engine: Engine) -> Iterator[Journaled]:
    with journaled_on(engine, max_body_bytes=2_000) as opened:
        yield opened


AUDIT = "/realms/{realm}/audit/v1/requests"


def newest(journaled: Journaled) -> dict[str, Any]:
    """Return the newest request but those that ask for this."""
    return next(row for row in journaled.rows() if row["route"] != AUDIT)


def seen(journaled: Journaled, answer: Any) -> tuple[Any, ...]:
    """Return what the journal says of the request that was just answered."""
    row = newest(journaled)
    assert row["status"] == answer.status_code
    body = answer.json() if answer.content else {}
    assert row["scimType"] == body.get("scimType", body.get("error"))
    if answer.status_code >= 400:
        assert row["detail"] == body.get("detail", body.get("error_description"))
    else:
        assert row["detail"] is None
    assert len(row["correlationId"]) == 32
    assert row["durationMs"] > 0
    return tuple(row[name] for name in ("status", "method", "route", "resourceType", "resourceId"))


def create(journaled: Journaled, name: str = "ann") -> dict[str, Any]:
    answer = journaled.send("POST", "/Users", body={"userName": name})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_what_was_done_stands_there_with_client_token_and_resource(journaled: Journaled) -> None:
    made = create(journaled)
    row = newest(journaled)
    assert row["clientId"] == "scim"
    assert row["sourceAddress"] == row["userAgent"] == "testclient"
    written = journaled.house.events()[-1]
    assert row["correlationId"] == written.cause.correlation_id
    assert row["tokenId"] == written.cause.actor.token_id
    found = [row[name] for name in ("status", "method", "route", "resourceType", "resourceId")]
    assert found == [201, "POST", USERS, "User", made["id"]]

    path = f"/Users/{made['id']}"
    read = journaled.send("GET", path)
    assert seen(journaled, read) == (200, "GET", USER, "User", made["id"])
    same = journaled.send("GET", path, headers={"If-None-Match": read.headers["etag"]})
    assert seen(journaled, same) == (304, "GET", USER, "User", made["id"])
    gone = journaled.send("DELETE", path)
    assert seen(journaled, gone) == (204, "DELETE", USER, "User", made["id"])


def test_what_was_refused_stands_there_as_it_was_answered(journaled: Journaled) -> None:
    made = create(journaled)
    path = f"/Users/{made['id']}"

    def sent(method: str, path: str, **options: Any) -> tuple[Any, ...]:
        return seen(journaled, journaled.send(method, path, **options))

    assert sent("GET", '/Users?filter=userName eq "x') == (400, "GET", USERS, "User", None)
    assert newest(journaled)["scimType"] == "invalidFilter"
    assert sent("GET", f"/Users/{NOBODY}") == (404, "GET", USER, "User", NOBODY)
    assert sent("PUT", "/Users", body={}) == (405, "PUT", USERS, "User", None)
    assert sent("POST", "/Users", body={"userName": "ANN"})[0] == 409
    assert newest(journaled)["scimType"] == "uniqueness"
    assert newest(journaled)["clientId"] == "scim"
    stale = {"If-Match": 'W/"9-00000000"'}
    assert sent("PUT", path, body={"userName": "ann"}, headers=stale)[0] == 412
    assert sent("POST", "/Users", body={"userName": "x" * 3_000})[0] == 413
    plain = {"Content-Type": "text/plain"}
    assert sent("POST", "/Users", body={}, headers=plain)[0] == 415
    assert sent("GET", "/Me") == (501, "GET", "/realms/{realm}/scim/v2/Me", None, None)
    assert sent("GET", "/Nothing/here") == (404, "GET", None, None, None)
    assert sent("GET", "/Users/..%2fGroups") == (404, "GET", None, None, None)
    assert sent("GET", "/Users?" + "x" * 17_000) == (414, "GET", None, None, None)
    assert sent("BREW", "/Users") == (405, "OTHER", USERS, "User", None)


def test_a_failure_stands_there_under_its_correlation_id(
    journaled: Journaled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise failure

    monkeypatch.setattr("api.reading.get_resource", fails)
    failure: Exception = ValueError("what only the log may know")
    broken = journaled.send("GET", f"/Users/{NOBODY}")
    assert seen(journaled, broken) == (500, "GET", USER, "User", NOBODY)
    assert newest(journaled)["correlationId"] in broken.json()["detail"]
    failure = Unavailable("the database is busy or gone; try again in a moment")
    assert seen(journaled, journaled.send("GET", f"/Users/{NOBODY}"))[0] == 503


def test_failed_authentications_stand_there_with_what_was_proved(journaled: Journaled) -> None:
    nothing = {"Authorization": "Bearer nothing"}
    refused = journaled.send("GET", "/Users", headers=nothing)
    assert seen(journaled, refused) == (401, "GET", USERS, "User", None)
    assert newest(journaled)["clientId"] is newest(journaled)["tokenId"] is None
    assert newest(journaled)["sourceAddress"] == "testclient"
    of_auditor = {"Authorization": f"Bearer {journaled.tokens['acme', 'auditor']}"}
    assert seen(journaled, journaled.send("GET", "/Users", headers=of_auditor))[0] == 403
    assert newest(journaled)["clientId"] == "auditor"
    foreign = {"Authorization": f"Bearer {journaled.tokens['other', 'scim']}"}
    assert seen(journaled, journaled.send("GET", "/Users", headers=foreign))[0] == 401
    assert newest(journaled)["clientId"] is None, "a token of another realm proves nothing here"
    assert journaled.rows(slug="other") == [], "nor is it told there"


def token_request(journaled: Journaled, credentials: str) -> Any:
    return journaled.http.post(
        TOKEN,
        data={"grant_type": "client_credentials"},
        headers={"Authorization": basic(credentials)},
    )


def test_l8_every_route_of_a_realm_is_in_its_journal_whoever_was_refused(
    journaled: Journaled,
) -> None:
    auditor = {"Authorization": f"Bearer {journaled.tokens['acme', AUDITOR]}"}
    strangers: list[dict[str, str]] = [{}, {"Authorization": "Bearer nothing"}, auditor]
    routes = [each for each in declared(journaled.http.app) if "{realm}" in each[1]]  # type: ignore[arg-type]  # Starlette's type
    assert len(routes) > 40
    for method, path in routes:
        for headers in strangers:
            answer = journaled.http.request(method, address(path, "acme"), headers=headers)
            row = journaled.rows("?count=1")[0]
            if path == AUDIT and headers is auditor and answer.status_code == 200:
                continue  # rows() asks there too
            assert (row["status"], row["route"]) == (answer.status_code, path), (method, path)
            assert row["method"] == method
            proved = headers is auditor and path not in PUBLIC
            assert row["clientId"] == (AUDITOR if proved else None), (method, path)
            assert row["correlationId"]
            assert row["sourceAddress"]


def test_tokens_fetched_and_refused_stand_there(journaled: Journaled) -> None:
    given = token_request(journaled, f"scim:{journaled.secrets['acme']}")
    assert given.status_code == 200, given.text
    row = newest(journaled)
    assert (row["status"], row["clientId"], row["method"]) == (200, "scim", "POST")
    assert row["route"] == TOKEN.replace("acme", "{realm}")
    used = {"Authorization": f"Bearer {given.json()['access_token']}"}
    journaled.send("GET", "/Users", headers=used)
    assert newest(journaled)["tokenId"] == row["tokenId"] is not None

    wrong = token_request(journaled, "scim:wrong")
    assert seen(journaled, wrong)[0] == 401
    assert newest(journaled)["scimType"] == "invalid_client"
    assert newest(journaled)["clientId"] == "scim", "the realm has a client of this name"
    token_request(journaled, "pasted-in-the-wrong-field:wrong")
    assert newest(journaled)["clientId"] is None, "and none of that one"
    answers = [token_request(journaled, "scim:wrong") for _ in range(12)]
    assert answers[-1].status_code == 429
    assert seen(journaled, answers[-1])[0] == 429


def test_of_a_realm_that_does_not_exist_nothing_is_kept(journaled: Journaled) -> None:
    for slug in ("no-such-realm", "No_Slug", "x" * 200):
        assert journaled.http.get(f"/realms/{slug}/scim/v2/Users").status_code == 401
    assert journaled.http.get("/health/live").status_code == 200
    journaled.journal.flush()
    assert journaled.house.rows()["requests"] == []


def test_the_questions_of_auditors_stand_there_too(journaled: Journaled) -> None:
    journaled.rows("?status=failed")
    row = journaled.rows()[0]
    assert (row["clientId"], row["route"]) == ("auditor", AUDIT)


def test_another_realms_requests_never_appear(journaled: Journaled) -> None:
    create(journaled)
    journaled.send("GET", f"/Users/{NOBODY}", slug="other")
    rows = journaled.rows(slug="other")
    assert [row["resourceId"] for row in rows] == [NOBODY]
    correlation = journaled.rows(f"?resourceId={NOBODY}", slug="other")[0]["correlationId"]
    assert journaled.rows(f"?correlationId={correlation}") == []
    assert journaled.audit(token=journaled.tokens["other", "auditor"]).status_code == 401
    assert journaled.audit(token=journaled.tokens["acme", "scim"]).status_code == 403


def test_a_read_stays_one_or_two_statements(journaled: Journaled) -> None:
    made = create(journaled)
    journaled.send("GET", f"/Users/{made['id']}")
    for path in (f"/Users/{made['id']}", '/Users?filter=userName eq "ann"', f"/Users/{NOBODY}"):
        waiting = len(journaled.journal)
        with journaled.house.statements() as seen_statements:
            journaled.send("GET", path)
        written = [s for s in seen_statements if not s.startswith(("SELECT", "BEGIN", "ROLLBACK"))]
        assert written == [], "a read became a write"
        about = [s for s in seen_statements if "request" in s]
        assert about == [], "the journal asked something on the way"
        assert len(journaled.journal) == waiting + 1


def test_it_can_be_switched_off(engine: Engine) -> None:
    with journaled_on(engine, journal_days=0) as journaled:
        create(journaled)
        assert journaled.audit().json() == {"requests": [], "gaps": []}
