"""The whole application in this process, with its journal written when a test says so."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient

from api.app import create_app
from api.composition import Service
from api.settings import Settings
from domain.handlers.realms import change_realm, issue_secret, issue_token
from projections.journal.buffer import Journal
from tests.engines import Engine
from tests.houses import KEY, House, opened_house

PUBLIC_URL = "https://scim.example.com"
AUDITOR = "auditor"


@dataclass
class Journaled:
    """An application over a house; each realm has a token for writing and one for auditing."""

    house: House
    http: TestClient
    tokens: Mapping[tuple[str, str], str]
    secrets: Mapping[str, str]

    @property
    def journal(self) -> Journal:
        found: Journal = self.http.app.state.journal  # type: ignore[attr-defined]
        return found

    def send(self, method: str, path: str, *, slug: str = "acme", **options: Any) -> Any:
        """Send a request to a realm's SCIM endpoint as its client `scim`."""
        headers = {"Authorization": f"Bearer {self.tokens[slug, 'scim']}"}
        if (body := options.pop("body", None)) is not None:
            options["json"] = body
            headers["Content-Type"] = "application/scim+json"
        headers |= options.pop("headers", {})
        return self.http.request(
            method, f"/realms/{slug}/scim/v2{path}", headers=headers, **options
        )

    def audit(self, query: str = "", slug: str = "acme", token: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {token or self.tokens[slug, AUDITOR]}"}
        return self.http.get(f"/realms/{slug}/audit/v1/requests{query}", headers=headers)

    def rows(self, query: str = "", slug: str = "acme") -> list[dict[str, Any]]:
        """Write the journal down and return what it says, newest first."""
        self.journal.flush()
        answer = self.audit(query, slug)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["requests"]
        return found


@contextmanager
def journaled_on(engine: Engine, **settings: Any) -> Iterator[Journaled]:
    with opened_house(engine, slugs=("acme", "other")) as house:
        made = Settings(public_url=PUBLIC_URL, **settings)
        service = Service(made, house.database, house.log.registry, KEY, house.log)
        tokens, secrets = {}, {}
        for slug in house.realms:
            cause = house.cause(slug)
            change_realm(cause, house.log, lambda r: r.add_client(AUDITOR, ("audit.read",)))
            for client in ("scim", AUDITOR):
                _, tokens[slug, client], _ = issue_token(cause, house.log, client, days=1)
            secrets[slug] = issue_secret(cause, house.log, "scim")[1]
        with TestClient(create_app(service)) as http:
            yield Journaled(house, http, tokens, secrets)
