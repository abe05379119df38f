"""Clients that hang up at any moment of a write (ABUSE H13): it happened whole, or not at all."""

import json
import random
import socket
import struct
import threading
from urllib.parse import urlsplit

from tests.abuse.evidence import Evidence
from tests.abuse.racing import SOAK
from tests.abuse.resources import created, group, unique, user
from tests.scim import SCIM_JSON, Scim

HANG_UPS = 1_000 if SOAK else 200
LONGEST = 0.006
"""Seconds from the last byte sent to the end: about as long as a write takes."""
_moment = threading.Event()


def hang_up(scim: Scim, team: str, chance: random.Random) -> str:
    """Send a POST or a PATCH, or a part of it, and reset the connection; return its userName."""
    name, url = unique("impatient"), urlsplit(scim.base)
    method, path, body = "POST", "/Users", user(userName=name)
    if chance.random() < 0.3:
        method, path = "POST", "/Groups"
        body = group(team, displayName=name)
    sent = json.dumps(body).encode()
    request = (
        f"{method} {url.path}{path} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: Bearer {scim.token}\r\nContent-Type: {SCIM_JSON}\r\n"
        f"Content-Length: {len(sent)}\r\n\r\n"
    ).encode() + sent
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        whole = chance.random() < 0.8
        connection.sendall(request if whole else request[: chance.randrange(len(request))])
        _moment.wait(chance.uniform(0, LONGEST))
        # RST, not FIN: what a killed client or a firewall sends.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return name


def _wait_until_nobody_writes(evidence: Evidence) -> None:
    """Nobody is told when the last of them has ended; the next test counts events."""
    quiet, count = 0, -1
    while quiet < 10:
        now = evidence.event_count()
        quiet, count = (quiet + 1 if now == count else 0), now
        _moment.wait(0.05)


def test_h13_a_write_whose_client_hangs_up_is_whole_or_never_was(
    scim: Scim, evidence: Evidence
) -> None:
    chance = random.Random(13)  # noqa: S311  # a repeatable order, no secret
    team = created(scim, group())["id"]
    names = [hang_up(scim, team, chance) for _ in range(HANG_UPS)]
    created(scim, user())
    _wait_until_nobody_writes(evidence)
    said = evidence.assert_consistent()
    documents = [s.document for s in said.states.values() if hasattr(s, "document")]
    there = {document.get("userName", document.get("displayName")) for document in documents}
    done = sum(name in there for name in names)
    assert 0 < done < HANG_UPS, "all of them came too late, or too early"
