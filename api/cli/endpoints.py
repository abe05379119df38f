"""The addresses of a realm, as an administrator pastes them."""


def tenant_url(base: str, realm: str) -> str:
    """Return the base URL of a realm's SCIM endpoints; ``base`` has no trailing slash."""
    return f"{base}/realms/{realm}/scim/v2"


def token_endpoint(base: str, realm: str) -> str:
    """Return the OAuth token endpoint of a realm."""
    return f"{base}/realms/{realm}/protocol/openid-connect/token"


def address(host: str, port: int) -> str:
    """Return the address a program on this machine reaches the server at."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
