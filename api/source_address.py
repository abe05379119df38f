"""Where a request came from: the peer of the socket, or what a trusted proxy says of it.

``X-Forwarded-For`` is a claim of whoever sent it. Only the addresses that stand in
``ROLLBOOK_TRUSTED_PROXIES`` are believed, read from the right: the first address that is not such
a proxy is the client's.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request

_Address = IPv4Address | IPv6Address
_CLIENT_PREFIX = 64
"""One IPv6 customer holds at least a /64: counting by address would count nothing."""


class TrustedProxies:
    """The proxies whose word is taken; addresses or networks, comma-separated.

    Raises:
        ValueError: one of them is neither.
    """

    def __init__(self, text: str) -> None:
        parts = [part.strip() for part in text.split(",")]
        self._networks = [ip_network(part, strict=False) for part in parts if part]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __contains__(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)


trusted_proxies = lru_cache(maxsize=8)(TrustedProxies)


def source_address(request: Request, trusted: TrustedProxies) -> str | None:
    """Return the address of the client as text; ``None`` where the socket has none."""
    if request.client is None:
        return None
    peer = request.client.host
    if not trusted:
        return peer
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    address = _parsed(peer)
    while address is not None and address in trusted and forwarded:
        claimed = _parsed(forwarded.pop())
        if claimed is None:
            break  # an unreadable claim: the proxy itself is all that is known
        address = claimed
    return peer if address is None else str(address)


def counted_as(address: str | None) -> str:
    """Return what failures from an address are counted under: it, or its IPv6 /64."""
    parsed = _parsed(address or "")
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _CLIENT_PREFIX), strict=False))
    return address or "unknown"


def _parsed(text: str) -> _Address | None:
    """Return an address; some proxies append a port, an IPv4 peer may be written as IPv6."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
