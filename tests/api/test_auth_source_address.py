"""Whose address a request is said to come from: nobody may choose it but a trusted proxy."""

import pytest
from starlette.requests import Request

from api.source_address import TrustedProxies, counted_as, source_address

PROXIES = TrustedProxies("192.0.2.1, 10.0.0.0/8, 2001:db8::1")


def _address(peer: str | None, *forwarded: str, trusted: TrustedProxies = PROXIES) -> str | None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    client = None if peer is None else (peer, 1)
    return source_address(Request({"type": "http", "headers": headers, "client": client}), trusted)


def test_a_stranger_cannot_say_where_it_comes_from() -> None:
    assert _address("203.0.113.7", "198.51.100.9") == "203.0.113.7"


def test_with_no_trusted_proxy_the_header_is_not_read() -> None:
    assert _address("192.0.2.1", "198.51.100.9", trusted=TrustedProxies("")) == "192.0.2.1"


def test_a_trusted_proxy_is_believed() -> None:
    assert _address("192.0.2.1", "198.51.100.9") == "198.51.100.9"


def test_what_the_client_wrote_before_the_proxy_is_not_believed() -> None:
    assert _address("192.0.2.1", "6.6.6.6, 198.51.100.9, 10.1.2.3") == "198.51.100.9"


def test_several_headers_are_read_as_one() -> None:
    assert _address("192.0.2.1", "6.6.6.6", "198.51.100.9", "10.1.2.3") == "198.51.100.9"


def test_where_all_are_trusted_the_farthest_counts() -> None:
    assert _address("192.0.2.1", "10.0.0.5, 10.0.0.6") == "10.0.0.5"


@pytest.mark.parametrize("claim", ["", "unknown", "_hidden", "1.2.3.4.5", "x" * 10_000])
def test_an_unreadable_claim_leaves_the_proxy(claim: str) -> None:
    assert _address("192.0.2.1", claim) == "192.0.2.1"


@pytest.mark.parametrize(
    ("claim", "address"),
    [
        ("198.51.100.9:4711", "198.51.100.9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("::ffff:198.51.100.9", "198.51.100.9"),
    ],
)
def test_ports_and_mapped_addresses_are_read(claim: str, address: str) -> None:
    assert _address("::ffff:192.0.2.1", claim) == address


def test_a_socket_without_an_address_has_none() -> None:
    assert _address(None, "198.51.100.9") is None


def test_ipv6_is_counted_by_the_network_of_a_customer() -> None:
    assert counted_as("2001:db8:1:2:3:4:5:6") == counted_as("2001:db8:1:2::ffff")
    assert counted_as("2001:db8:1:2::1") != counted_as("2001:db8:1:3::1")
    assert counted_as("198.51.100.9") == "198.51.100.9"
    assert counted_as(None) == "unknown"


def test_a_proxy_that_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="proxy"):
        TrustedProxies("proxy.example.com")
