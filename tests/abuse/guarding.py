"""Which routes answer a request that shows no token: taken from the route table itself."""

import re
from collections.abc import Iterator
from uuid import uuid4

from fastapi import FastAPI
from fastapi.testclient import TestClient

_TOKEN_ENDPOINT = "/realms/{realm}/protocol/openid-connect"

PUBLIC = {
    "/health/live": "a process that runs must be told from one that hangs, by anybody",
    "/health/ready": "as live, for load balancers; says nothing but ready",
    f"{_TOKEN_ENDPOINT}/token": "gives tokens; asks for the client's secret instead",
    f"{_TOKEN_ENDPOINT}/revoke": "asks for the client's secret instead (RFC 7009)",
    f"{_TOKEN_ENDPOINT}/token/introspect": "asks for the client's secret instead (RFC 7662)",
    "/realms/{realm}/.well-known/openid-configuration": "metadata is read before there is a token",
    "/realms/{realm}/.well-known/oauth-authorization-server": "as above (RFC 8414)",
    "/.well-known/oauth-authorization-server/realms/{realm}": "as above (RFC 8414 §3.1)",
}
"""The routes that need no bearer token, each with the reason."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def declared(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Return every method and path of the route table; a route without methods counts as ANY."""
    for route in app.routes:
        path = str(getattr(route, "path", route))
        for method in sorted(getattr(route, "methods", None) or ("ANY",)):
            yield method, path


def address(path: str, realm: str) -> str:
    """Return a path of the route table as a client would spell it."""
    return re.sub(r"\{\w+\}", str(uuid4()), path.replace("{realm}", realm))


def unguarded(app: FastAPI, client: TestClient, realm: str) -> list[tuple[str, str]]:
    """Return the routes that are not public and answer something else than 401 without a token."""
    open_doors = []
    for method, path in declared(app):
        if path in PUBLIC:
            continue
        if method == "ANY":
            open_doors.append((method, path))
            continue
        answer = client.request(method, address(path, realm))
        challenge = answer.headers.get("www-authenticate", "")
        if answer.status_code != 401 or not challenge.startswith("Bearer "):
            open_doors.append((method, path))
    return open_doors
