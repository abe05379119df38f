"""Nobody gets in without a token, wherever he knocks (ABUSE B2)."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.responses import Response
from starlette.routing import Mount, Route

from api.app import create_app
from api.composition import open_service
from api.settings import Settings
from tests.abuse.evidence import Evidence
from tests.abuse.guarding import METHODS, PUBLIC, address, declared, unguarded
from tests.abuse.resources import assert_refused
from tests.engines import Engine
from tests.scim import Scim
from tests.serving import RunningServer

REALM = "acme"


@pytest.fixture(scope="module")
def app(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The application as it is served, on an empty database."""
    with engine.migrated() as url:
        settings = Settings(
            database_url=url,
            key_file=tmp_path_factory.mktemp("routes") / "rollbook.key",
            public_url="https://scim.example.com",
        )
        service = open_service(settings, may_migrate=True)
        yield create_app(service)
        service.close()


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


def test_b2_every_route_but_the_public_ones_asks_for_a_token(
    app: FastAPI, client: TestClient
) -> None:
    assert len(list(declared(app))) > 30
    assert unguarded(app, client, REALM) == []


def test_b2_the_list_of_public_routes_names_only_routes_there_are(app: FastAPI) -> None:
    assert set(PUBLIC) <= {path for _, path in declared(app)}
    assert all(PUBLIC.values()), "each with its reason"


def test_b2_public_routes_that_take_a_secret_give_nothing_without_one(client: TestClient) -> None:
    for path in PUBLIC:
        if "openid-connect" in path:
            answer = client.post(address(path, REALM), data={"grant_type": "client_credentials"})
            assert answer.status_code == 401, answer.text
            assert answer.json()["error"] == "invalid_client"


def test_b2_sabotage_a_route_without_a_dependency_is_found(
    app: FastAPI, client: TestClient
) -> None:
    async def leak(_request: object) -> Response:
        return Response("everything")

    forgotten = Route("/realms/{realm}/scim/v2/Export", leak, methods=["GET"])
    mounted = Mount("/console", routes=[])
    app.router.routes += [forgotten, mounted]
    try:
        assert set(unguarded(app, client, REALM)) == {
            ("GET", "/realms/{realm}/scim/v2/Export"),
            ("HEAD", "/realms/{realm}/scim/v2/Export"),
            ("ANY", "/console"),
        }
    finally:
        app.router.routes.remove(forgotten)
        app.router.routes.remove(mounted)
    assert unguarded(app, client, REALM) == []


def test_b2_every_method_at_every_address_of_the_running_server_is_refused(
    app: FastAPI, server: RunningServer, evidence: Evidence
) -> None:
    stranger = Scim(server.url, None)
    served = set(declared(app))
    with evidence.nothing_happens():
        for path in sorted({path for _, path in served} - set(PUBLIC)):
            for method in METHODS:
                answer = stranger.send(method, address(path, REALM))
                if (method, path) in served:
                    assert_refused(answer, 401)
                else:
                    assert answer.status in (400, 401, 405), (method, path, answer)
