"""How the file of a release is written: by its own handlers and routes, with every event there is.

A topic that nothing here records stops it: a new one needs a step of its own.
"""

import gzip
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import orjson
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from api.app import create_app
from api.composition import Service, followings_of, open_service
from api.settings import Settings
from domain.cause import Actor, Cause
from domain.guard import Guard
from domain.handlers.realms import (
    change_realm,
    create_realm,
    issue_secret,
    issue_token,
    retire_secret,
    revoke_token,
)
from domain.realm import Realm
from domain.topics import EVENTS
from projections.tables import events

DATABASE, KEY, ANSWERS = "rollbook.db", "rollbook.key", "answers.json"
FOLDER = Path(__file__).parent
PUBLIC_URL = "https://scim.example.com"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_BASE = "/realms/acme"


def settings_of(folder: Path) -> Settings:
    """The settings of a service whose file and key lie in a folder."""
    return Settings(
        database_url=f"sqlite:///{folder / DATABASE}",
        key_file=folder / KEY,
        public_url=PUBLIC_URL,
    )


def laid_out(release: Path, folder: Path) -> dict[str, Any]:
    """Put a copy of a release's file and key into a folder; return what it answered."""
    packed = (release / f"{DATABASE}.gz").read_bytes()
    (folder / DATABASE).write_bytes(gzip.decompress(packed))
    (folder / KEY).write_bytes((release / f"{KEY}.txt").read_bytes())
    told: dict[str, Any] = orjson.loads((release / ANSWERS).read_bytes())
    return told


def write_release(version: str) -> None:
    """Write the folder of a version. Raises FileExistsError: nothing is ever written over."""
    target = FOLDER / version
    with TemporaryDirectory() as name:
        made_in = Path(name)
        answers = _fill(made_in)
        target.mkdir()
        whole = (made_in / DATABASE).read_bytes()
        (target / f"{DATABASE}.gz").write_bytes(gzip.compress(whole, mtime=0))
        (target / f"{KEY}.txt").write_bytes((made_in / KEY).read_bytes())
    told = orjson.dumps(answers, option=orjson.OPT_INDENT_2)
    (target / ANSWERS).write_bytes(told + b"\n")


def _fill(folder: Path) -> dict[str, Any]:
    service = open_service(settings_of(folder), may_migrate=True)
    try:
        token = _realms(service)
        with TestClient(create_app(service)) as http:
            http.headers["Authorization"] = f"Bearer {token}"
            ids = _resources(http)
            _trip_the_guard(service, http)
            for following in followings_of(service):
                following.catch_up()
            written_at = time.time_ns() // 1_000
            found = {path: asked(http, path) for path in _addresses(ids)}
        with service.database.migrating() as connection:
            recorded = set(connection.scalars(select(events.c.topic).distinct()))
            missing = EVENTS.keys() - recorded
            if missing:
                raise AssertionError(f"no step records {sorted(missing)}")
        with service.database.engine.connect() as connection:
            connection.connection.execute("VACUUM")
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    finally:
        service.close()
    return {"written_at": written_at, "token": token, "answers": found}


def _cause(realm: str = "") -> Cause:
    return Cause(realm, Actor("operator", "release"), uuid4().hex, "tests.golden")


def _realms(service: Service) -> str:
    """Make the realms, and use everything a realm has; return a token that may read and write."""
    log = service.log
    acme, _ = create_realm(_cause(), log, "acme")
    lab, _ = create_realm(_cause(), log, "lab", unique_group_names=False)
    change_realm(_cause(lab), log, Realm.suspend)
    change_realm(_cause(lab), log, Realm.resume)
    scopes = ("scim.read", "scim.write", "audit.read")
    change_realm(_cause(acme), log, lambda realm: realm.add_client("all", scopes))
    change_realm(_cause(acme), log, lambda realm: realm.disable_client("scim"))
    change_realm(_cause(acme), log, lambda realm: realm.enable_client("scim"))
    secret_id, _ = issue_secret(_cause(acme), log, "all")
    retire_secret(_cause(acme), log, secret_id)
    token_id, _, _ = issue_token(_cause(acme), log, "all", days=30)
    revoke_token(_cause(acme), log, token_id)
    change_realm(_cause(acme), log, lambda realm: Guard.setting(realm.guard, 50, 50, 10))
    now = log.clock()
    change_realm(_cause(acme), log, lambda realm: Guard.lifting(realm.guard, now, 5))
    change_realm(_cause(acme), log, lambda realm: Guard.removing(realm.guard))
    _, token, _ = issue_token(_cause(acme), log, "all", days=365)
    return token


def _trip_the_guard(service: Service, http: TestClient) -> None:
    with service.database.reading() as connection:
        named = select(events.c.realm).where(events.c.topic == Realm.Registered.topic)
        acme = str(connection.scalar(named.order_by(events.c.position).limit(1)))
    change_realm(_cause(acme), service.log, lambda realm: Guard.setting(realm.guard, 1, 1, 10))
    leaver = _made(http, "Users", {"schemas": [USER], "userName": "leaver"})
    answer = http.delete(f"{_BASE}/scim/v2/Users/{leaver}")
    if answer.status_code != 403:
        raise AssertionError(f"the guard did not trip: {answer.text}")


def _resources(http: TestClient) -> dict[str, list[str]]:
    """Make users and groups, change them in every way, and return the ids of each kind."""
    ann = _made(
        http,
        "Users",
        {
            "schemas": [USER, ENTERPRISE],
            "userName": "Änne@Example.com",
            "externalId": "x-1",
            "name": {"givenName": "Änne", "familyName": "O'Hara"},
            "emails": [{"value": "aenne@EXAMPLE.com", "type": "work", "primary": True}],
            "notAnAttribute": 1,
            ENTERPRISE: {"department": "R&D", "manager": {"value": "7"}},
        },
    )
    bob = _made(http, "Users", {"schemas": [USER], "userName": "bob", "active": False})
    eve = _made(http, "Users", {"schemas": [USER], "userName": "eve", "displayName": "Eve"})
    staff = _made(
        http,
        "Groups",
        {"schemas": [GROUP], "displayName": "Staff", "members": [{"value": ann}, {"value": eve}]},
    )
    board = _made(http, "Groups", {"schemas": [GROUP], "displayName": "Board", "externalId": "b"})
    _patch(http, f"Users/{ann}", "replace", "title", "Dr")
    _patch(http, f"Users/{ann}", "replace", "name.givenName", "Anne")
    _patch(http, f"Users/{ann}", "replace", f"{ENTERPRISE}:department", "Sales")
    _patch(http, f"Users/{ann}", "replace", "userName", "anne@example.com")
    _patch(http, f"Users/{bob}", "replace", "active", value=True)
    _patch(http, f"Users/{bob}", "replace", "active", value=False)
    _patch(http, f"Groups/{staff}", "add", "members", [{"value": bob}])
    _patch(http, f"Groups/{staff}", "remove", f'members[value eq "{ann}"]')
    _patch(http, f"Groups/{staff}", "replace", "displayName", "All staff")
    _patch(http, f"Groups/{staff}", "replace", "externalId", "s")
    _patch(http, f"Groups/{board}", "add", "members", [{"value": staff}, {"value": eve}])
    for path in (f"Users/{eve}", f"Groups/{board}"):
        _gone_and_back(http, path)
    gone = _made(http, "Users", {"schemas": [USER], "userName": "gone"})
    http.delete(f"{_BASE}/scim/v2/Users/{gone}").raise_for_status()
    return {"Users": [ann, bob, eve], "Groups": [staff, board]}


def _gone_and_back(http: TestClient, path: str) -> None:
    http.delete(f"{_BASE}/scim/v2/{path}").raise_for_status()
    http.post(f"{_BASE}/audit/v1/{path}/restore").raise_for_status()


def _made(http: TestClient, kind: str, body: dict[str, Any]) -> str:
    answer = http.post(f"{_BASE}/scim/v2/{kind}", json=body)
    answer.raise_for_status()
    return str(answer.json()["id"])


def _patch(http: TestClient, path: str, op: str, at: str, value: Any = None) -> None:
    operation = {"op": op, "path": at} | ({} if value is None else {"value": value})
    body = {"schemas": [PATCH], "Operations": [operation]}
    http.patch(f"{_BASE}/scim/v2/{path}", json=body).raise_for_status()


def _addresses(ids: dict[str, list[str]]) -> list[str]:
    """What is asked: everything as it is, everything as it was, and who did it."""
    found = []
    for kind, own in ids.items():
        found += [f"{_BASE}/scim/v2/{kind}", f"{_BASE}/scim/v2/{kind}?sortBy=externalId"]
        for id_ in own:
            found.append(f"{_BASE}/scim/v2/{kind}/{id_}")
            found.append(f"{_BASE}/audit/v1/{kind}/{id_}?version=1")
    found.append(f'{_BASE}/scim/v2/Users?filter=userName eq "ANNE@example.com"')
    found.append(f'{_BASE}/scim/v2/Users?filter=emails.value co "aenne@"')
    changed, *_ = ids["Users"]
    found += [f"{_BASE}/audit/v1/Users/{changed}?version={number}" for number in range(2, 6)]
    found.append(f"{_BASE}/audit/v1/events?count=500")
    return found


def asked(http: TestClient, path: str) -> Any:
    """What an address answers, which has to be 200."""
    return http.get(path).raise_for_status().json()
