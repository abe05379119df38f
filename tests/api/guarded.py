"""A small application behind the real guards: one SCIM route a scope, and the OAuth endpoints.

Clocks stand still unless a test moves them, so that a minute passes without waiting for it.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient
from starlette.responses import JSONResponse, Response

from api.auth import Caller, auditor, reader, writer
from api.composition import Service, open_service
from api.errors import Answer, answer_response, refusal_response
from api.grants import GrantCache
from api.oauth import router
from api.settings import Settings
from api.throttle import FailureThrottle
from domain.cause import Actor, Cause
from domain.handlers import realms
from domain.refusals import Refusal
from tests.engines import WATCHERS, Engine

PEER = "203.0.113.7"
PROXY = "192.0.2.1"
PUBLIC_URL = "https://scim.example.com"
_numbers = count(1)


@dataclass(frozen=True)
class Tenant:
    """A realm of a test's own, and its first client's secret."""

    id: str
    slug: str
    secret: str
    client_id: str = "scim"

    @property
    def users(self) -> str:
        return f"/realms/{self.slug}/scim/v2/Users"

    def endpoint(self, name: str) -> str:
        return f"/realms/{self.slug}/protocol/openid-connect/{name}"


class Guarded:
    """The application on a database of its own."""

    def __init__(self, engine: Engine, url: str, directory: Path) -> None:
        settings = Settings(
            database_url=url,
            key_file=directory / "rollbook.key",
            public_url=PUBLIC_URL,
            trusted_proxies=PROXY,
        )
        self.service: Service = open_service(settings, may_migrate=True)
        self.app = _application(self.service)
        self.statements: list[str] = []
        self.service.database.close()
        engine.watched(self.service.database)
        WATCHERS.append(self.statements.append)
        self.reset()

    def reset(self) -> None:
        """Stop the clocks, forget every failure and every cached grant."""
        self.wall = 1_900_000_000_000_000
        self.monotonic = 1_000.0
        self.service.log.clock = lambda: self.wall
        self.app.state.grants = GrantCache(clock=lambda: self.monotonic)
        self.app.state.throttle = FailureThrottle(clock=lambda: self.monotonic)
        self.statements.clear()
        structlog.reset_defaults()  # a command line run in this process may have set up its own

    def pass_time(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += int(seconds * 1_000_000)

    def client(self, peer: str = PEER) -> TestClient:
        return TestClient(self.app, client=(peer, 50_000), raise_server_exceptions=True)

    def tenant(self) -> Tenant:
        slug = f"tenant-{next(_numbers)}"
        realm_id, secret = realms.create_realm(self.cause(""), self.service.log, slug)
        return Tenant(realm_id, slug, secret)

    def cause(self, realm_id: str) -> Cause:
        return Cause(realm_id, Actor("operator", "test"), uuid4().hex, "test")

    def pasted_token(
        self, tenant: Tenant, *, days: int = 365, scopes: tuple[str, ...] | None = None
    ) -> tuple[str, str]:
        """Return the id and the text of a long-lived token."""
        token_id, token, _ = realms.issue_token(
            self.cause(tenant.id), self.service.log, tenant.client_id, days=days, scopes=scopes
        )
        return token_id, token

    def access_token(self, tenant: Tenant, **form: str) -> str:
        answer = self.post(tenant, "token", {"grant_type": "client_credentials", **form})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def post(
        self,
        tenant: Tenant,
        endpoint: str,
        form: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        peer: str = PEER,
    ) -> Any:
        """Post a form, with the tenant's own Basic credentials unless other headers are given."""
        own = {"Authorization": basic(f"{tenant.client_id}:{tenant.secret}")}
        return self.client(peer).post(
            tenant.endpoint(endpoint),
            data=dict(form),
            headers=dict(own if headers is None else headers),
        )

    def get(self, tenant: Tenant, token: str | None, **options: Any) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.client().get(tenant.users, headers=headers, **options)

    def close(self) -> None:
        WATCHERS.remove(self.statements.append)
        self.service.close()


@contextmanager
def guarded_on(engine: Engine, directory: Path) -> Iterator[Guarded]:
    """Open the application on a database of an engine."""
    with engine.migrated() as url:
        opened = Guarded(engine, url, directory)
        try:
            yield opened
        finally:
            opened.close()


def basic(credentials: str | bytes) -> str:
    raw = credentials if isinstance(credentials, bytes) else credentials.encode()
    return "Basic " + b64encode(raw).decode()


def _application(service: Service) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.service = service
    app.include_router(router)

    def told(caller: Caller) -> Response:
        return JSONResponse({**asdict(caller), "scopes": sorted(caller.scopes)})

    @app.get("/realms/{realm}/scim/v2/Users")
    async def read(caller: Annotated[Caller, Depends(reader)]) -> Response:
        return told(caller)

    @app.api_route("/realms/{realm}/scim/v2/Users", methods=["POST", "PUT", "PATCH", "DELETE"])
    async def write(caller: Annotated[Caller, Depends(writer)]) -> Response:
        return told(caller)

    @app.get("/realms/{realm}/audit")
    async def audit(caller: Annotated[Caller, Depends(auditor)]) -> Response:
        return told(caller)

    @app.exception_handler(Answer)
    async def answered(_request: Request, answer: Answer) -> Response:
        return answer_response(answer)

    @app.exception_handler(Refusal)
    async def refused(_request: Request, refusal: Refusal) -> Response:
        return refusal_response(refusal)

    return app
