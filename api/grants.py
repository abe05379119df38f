"""What a bearer token allows: checksum, then a cache of a second, then one indexed statement.

Only positive answers are cached, so that a new token works at once and a revoked one is refused by
every worker within :data:`CACHE_SECONDS` (ADR 0007, ABUSE B6 and B9). The cache is keyed by
the keyed hash: no token stands in memory longer than its request.
"""

import time
from collections.abc import Callable, Sequence

from api.composition import Service
from api.offload import Workers
from domain.credentials import CredentialKind, kind_of
from domain.realm import SLUG
from projections.credentials import Grant, find_grant

CACHE_SECONDS = 1.0
CACHE_SIZE = 10_000
BEARER_KINDS = (CredentialKind.TOKEN, CredentialKind.ACCESS)
"""A client secret is not among them: it is worth nothing at a resource (ABUSE B5)."""

_Key = tuple[str, str]


class GrantCache:
    """Grants of one process, each for at most :data:`CACHE_SECONDS` on a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, size: int = CACHE_SIZE) -> None:
        self.clock = clock
        self._size = size
        self._kept: dict[_Key, tuple[float, Grant]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: _Key) -> Grant | None:
        """Return a grant read less than :data:`CACHE_SECONDS` ago."""
        found = self._kept.get(key)
        if found is None:
            return None
        read_at, grant = found
        if self.clock() - read_at >= CACHE_SECONDS:
            del self._kept[key]
            return None
        return grant

    def keep(self, key: _Key, grant: Grant, read_at: float) -> None:
        """Keep a grant; ``read_at`` is when its statement was about to begin."""
        self._kept.pop(key, None)
        while len(self._kept) >= self._size:
            del self._kept[next(iter(self._kept))]  # all live equally long: the oldest goes
        self._kept[key] = (read_at, grant)

    def forget(self, credential_id: str) -> None:
        """Drop what a revoked credential allowed in this process; the others have a second."""
        gone = [k for k, (_, grant) in self._kept.items() if grant.credential_id == credential_id]
        for key in gone:
            del self._kept[key]


async def bearer_grant(
    service: Service, cache: GrantCache, workers: Workers, slug: str, token: str
) -> Grant | None:
    """Return what a bearer token allows in the realm of this name, ``None`` if nothing.

    A point read, once a second and token (ADR 0011).

    Raises:
        Unavailable: the database is busy or gone.
    """
    if kind_of(token) not in BEARER_KINDS or not SLUG.fullmatch(slug):
        return None
    digest = service.key.digest(token)
    grant = cache.get((slug, digest))
    if grant is None:
        read_at = cache.clock()
        grant = await workers.glance(stored_grant, service, slug, digest, BEARER_KINDS)
        if grant is None:
            return None
        cache.keep((slug, digest), grant, read_at)
    if grant.expires_at is not None and grant.expires_at <= service.log.clock():
        return None
    return grant


def stored_grant(
    service: Service, slug: str, digest: str, kinds: Sequence[CredentialKind]
) -> Grant | None:
    """Return what the credential of a digest allows in a realm now, as the database has it.

    Raises:
        Unavailable: the database is busy or gone.
    """
    with service.database.reading() as connection:
        return find_grant(connection, slug, digest, kinds, service.log.clock())
