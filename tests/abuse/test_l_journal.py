"""The journal of requests under attack: secrets, kills, outages (ABUSE A3, L2, L3, L9)."""

import itertools
import sqlite3
import threading
import urllib.parse
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.credentials import CredentialKind, new_credential
from projections.database import Database
from projections.tables import requests
from tests.abuse.evidence import Evidence
from tests.abuse.resources import created, patch, replace, unique, user
from tests.conftest import SpawnCluster, SpawnServer
from tests.engines import only_on, path_of
from tests.scim import Scim
from tests.serving import RunningServer

WORD = "canary-7f3a-in-a-coal-mine"
SECONDS = 30
_moment = threading.Event()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds that another process brings about; fail when it never does."""
    for _ in range(SECONDS * 100):
        if condition():
            return
        _moment.wait(0.01)
    raise AssertionError("it never came to be")


def agents(server: RunningServer) -> list[str]:
    """Return the user agents in the journal, oldest request first."""
    found = Evidence(server.database_url).select(
        select(requests.c.user_agent).order_by(requests.c.at)
    )
    return [agent for (agent,) in found if agent and agent.startswith("probe-")]


class Prober:
    """Reads, one request after the other, each under a name of its own."""

    def __init__(self, scim: Scim) -> None:
        self.scim = scim
        self.numbers = itertools.count()
        self.answered: list[str] = []

    def probe(self) -> int:
        agent = f"probe-{next(self.numbers)}"
        answer = self.scim.get("/Users?count=0", headers={"User-Agent": agent})
        self.answered.append(agent)
        return answer.status


def _everywhere(scim: Scim, server: RunningServer, secret: str) -> None:
    """Send a secret in every position of a request that a client can fill."""
    made = created(scim, user())
    target, quoted = f"/Users/{made['id']}", urllib.parse.quote(secret)
    for query in (
        f'filter=userName%20eq%20"{quoted}"',
        f"filter={quoted}",
        f'filter=emails[value%20eq%20"{quoted}"',
        f"attributes={quoted}&sortBy={quoted}&startIndex={quoted}&count={quoted}",
        f"access_token={quoted}",
    ):
        scim.get(f"/Users?{query}")
        scim.get(f"{target}?{query}")
    search = {"schemas": [], "filter": f'userName eq "{secret}"'}
    scim.post("/Users/.search", search)
    scim.post("/.search", {**search, "filter": f'nothing eq "{secret}" and'})
    for body in (
        patch({"op": "replace", "path": f'emails[type eq "{secret}"].value', "value": {"a": 1}}),
        patch({"op": "replace", "path": f'emails[type eq "{secret}"', "value": 1}),
        patch({"op": "replace", "path": f'emails[type eq "{secret}"].type', "value": [secret]}),
        replace("active", secret),
        replace("title", {"value": {"a": secret}}),
        patch({"op": secret, "path": "title", "value": secret}),
        {"schemas": [secret], "Operations": secret},
        secret.encode(),
    ):
        scim.patch(target, body)
    scim.post("/Users", {"userName": [secret], "password": secret})
    scim.post("/Users", user(active=secret))
    for headers in (
        {"Authorization": f"Bearer {secret}"},
        {"Authorization": f"Basic {secret}"},
        {"Authorization": secret},
        {"If-Match": secret},
        {"Cookie": f"session={secret}"},
        {"X-Forwarded-For": secret},
        {"Accept": secret},
        {"Content-Encoding": secret},
    ):
        scim.put(target, user(), headers=headers)
    endpoint = server.first.token_endpoint
    for form in (
        {"grant_type": "client_credentials", "client_id": "scim", "client_secret": secret},
        {"grant_type": secret, "client_id": "scim", "client_secret": server.secret},
        {"scope": secret, "grant_type": "client_credentials", "client_id": "scim"}
        | {"client_secret": server.secret},
        {secret: secret},
    ):
        _post_form(endpoint, form)
    Scim(endpoint, None).post(f"?client_secret={quoted}", b"")


def _post_form(endpoint: str, form: dict[str, str]) -> None:
    sent = urllib.parse.urlencode(form).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    Scim(endpoint, None).post("", sent, headers=kind)


def _in_the_clear(scim: Scim, server: RunningServer, secret: str) -> None:
    """Send a secret where Rollbook writes down what stands there, unless it is a credential."""
    names = {"client_id": secret, "client_secret": secret}
    _post_form(server.first.token_endpoint, {"grant_type": "client_credentials", **names})
    created(scim, user(**{secret: 1, "name": {secret: 1}}))
    scim.get(f'/Users?filter={secret}%20eq%20"x"')
    scim.get(f"/Users/{secret}")
    scim.get(f"/{secret}")
    scim.get("/Users?count=0", headers={"User-Agent": f"agent {secret}"})
    scim.put(f"/Groups/{secret}", {"displayName": unique("x")})
    scim.post("/Users", {"userName": unique("x")}, headers={"Content-Type": f"text/{secret}"})
    scim.send(secret.replace("_", "-"), "/Users")


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_l2_l3_no_secret_no_body_and_no_filter_stands_in_the_journal_or_the_log(
    spawn_server: SpawnServer, level: str
) -> None:
    server = spawn_server(realms=("acme",), env={"ROLLBOOK_LOG_LEVEL": level})
    scim = server.scim()
    secrets = [new_credential(kind) for kind in CredentialKind]
    for secret in (WORD, *secrets):
        _everywhere(scim, server, secret)
    for secret in secrets:
        _in_the_clear(scim, server, secret)
    assert scim.get("/Users?count=0", headers={"User-Agent": "probe-last"}).status == 200
    wait_for(lambda: agents(server) == ["probe-last"])
    rows = Evidence(server.database_url).select(select(requests))
    assert len(rows) > 100
    told = "\n".join(map(repr, rows))
    log = server.log_path.read_text(errors="replace")
    assert '"event":"request"' in log, "the log has nothing to be searched"
    for name, text in (("journal", told), ("log", log)):
        for secret in (WORD, *secrets, server.token, server.secret):
            for found in (secret, urllib.parse.quote(secret), secret[4:20]):
                assert found not in text, f"{secret} stands in the {name}"
    assert "rbt_…" in told, "the mask was never needed"


def test_kill_loses_the_newest_alone_and_a_stop_loses_nothing(spawn_server: SpawnServer) -> None:
    server = spawn_server(realms=("acme",))
    prober = Prober(server.scim())
    # A kill in the middle of many requests.
    prober.probe()
    wait_for(lambda: agents(server) == ["probe-0"])
    for _ in range(200):
        prober.probe()
    wait_for(lambda: len(agents(server)) > 1)
    known = agents(server)
    for _ in range(50):
        prober.probe()
    server.kill()
    after = agents(server)
    assert after[: len(known)] == known, "what was written is gone"
    assert after == prober.answered[: len(after)], "another than the newest is lost"
    assert len(after) < len(prober.answered), "the kill struck nothing"
    # The same, told to stop.
    server.start()
    again = Prober(server.scim())
    again.numbers = itertools.count(1_000)
    while again.probe() == 200 and again.answered[-1] in agents(server):
        pass
    assert len(agents(server)) < len(after) + len(again.answered), "nothing was left to write"
    server.stop()
    assert agents(server) == [*after, *again.answered]


@only_on("sqlite", "another process that writes for long is SQLite's own outage")
def test_a_locked_database_slows_no_read_and_loses_nothing(spawn_server: SpawnServer) -> None:
    server = spawn_server(realms=("acme",))
    prober = Prober(server.scim())
    with closing(sqlite3.connect(path_of(server.database_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert {prober.probe() for _ in range(300)} == {200}
        wait_for(lambda: "journal.waiting" in server.log_path.read_text())
        assert {prober.probe() for _ in range(300)} == {200}
        assert agents(server) == [], "the fault did not fire"
        other.execute("ROLLBACK")
    wait_for(lambda: len(agents(server)) == 600)
    assert agents(server) == prober.answered


def test_a_database_that_is_gone_is_answered_503_and_every_answer_is_kept(
    spawn_cluster: SpawnCluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cluster = spawn_cluster(durable=True)
    cluster.create_database("rollbook")
    url = cluster.url("rollbook")
    with RunningServer(tmp_path_factory.mktemp("host"), url, realms=("acme",)) as server:
        prober = Prober(server.scim())
        assert {prober.probe() for _ in range(20)} == {200}
        wait_for(lambda: len(agents(server)) == 20)
        cluster.stop("immediate")
        statuses = [prober.probe() for _ in range(20)]
        assert set(statuses) == {503}, "the fault did not fire"
        cluster.start()
        wait_for(lambda: prober.probe() == 200)
        wait_for(lambda: prober.answered[-1] in agents(server))
        assert agents(server) == prober.answered
        kept = Evidence(url).select(
            select(requests.c.status, requests.c.detail).where(requests.c.status == 503)
        )
        assert len(kept) >= 20
        assert all("database" in detail for _, detail in kept)


def test_what_is_too_old_goes_while_the_server_runs(spawn_server: SpawnServer) -> None:
    server = spawn_server(realms=("acme",), env={"ROLLBOOK_JOURNAL_DAYS": "1"})
    prober = Prober(server.scim())
    prober.probe()
    wait_for(lambda: agents(server) == ["probe-0"])
    server.stop()
    database = Database(server.database_url)
    with database.writing() as connection:
        connection.execute(update(requests).values(at=requests.c.at - 2 * 86_400_000_000))
        connection.commit()
    database.close()
    server.start()
    wait_for(lambda: agents(server) == [])


def test_the_command_line_shows_what_was_refused(spawn_server: SpawnServer) -> None:
    server = spawn_server(realms=("acme", "other"))
    scim = server.scim()
    assert scim.get("/Users?filter=x").status == 400
    assert scim.get("/Users?count=0").status == 200
    assert Scim(server.base, "nothing").get("/Users").status == 401
    server.stop()
    found: Any = server.cli("replay", "requests", "acme", "--failed")
    assert [row["status"] for row in found["requests"]] == [401, 400]
    assert (
        server.cli("replay", "requests", "acme", "--client", "scim", "--limit", "1")["requests"][0][
            "status"
        ]
        == 200
    )
    assert len(server.cli("replay", "requests", "acme")["requests"]) == 3
    assert server.cli("replay", "requests", "other") == {"requests": [], "gaps": []}
    shown = server.command("replay", "requests", "acme", "--failed")
    assert "invalidFilter" in shown
    assert "There is no such request" in server.command("replay", "requests", "other")
    with pytest.raises(AssertionError, match="--from has no time zone"):
        server.command("replay", "requests", "acme", "--from", "2026-03-03T12:00:00")
    with pytest.raises(AssertionError, match="lies after"):
        server.command(
            "replay", "requests", "acme", "--from", "2026-03-03T12:00Z", "--to", "2026-03-02T12:00Z"
        )
