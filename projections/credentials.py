"""Credentials as keyed hashes (ADR 0007).

A credential is found by the HMAC-SHA-256 of its text under the server's key: one indexed
statement, no scan, nothing to steal from a copy of the database without the key file.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from domain.credentials import CredentialKind
from projections.tables import clients, credentials, key_checks, realms

LIVE_ACCESS_TOKENS = 100
"""Short-lived tokens a client may hold at a time; the oldest go first (ABUSE A13)."""
_KEY_BYTES = 32
_NO_HASH = "-" * 64


class WrongKey(Exception):
    """The key file is missing, malformed, or not the one this database was written with."""


@dataclass(frozen=True, slots=True, repr=False)
class HashKey:
    """The key the hashes are made with. Its ``repr`` shows nothing."""

    secret: bytes

    @property
    def id(self) -> str:
        """A short name for the key that says nothing about it."""
        return hashlib.sha256(b"rollbook key id" + self.secret).hexdigest()[:16]

    def digest(self, text: str) -> str:
        """Return the hash of a credential; the cost does not depend on what is right about it."""
        return hmac.digest(self.secret, text.encode(), "sha256").hex()


def read_key(path: Path, *, create: bool) -> HashKey:
    """Return the key of a file; make the file (mode 0600) where it is missing and may be made.

    Raises:
        WrongKey: the file is missing, not readable, or holds no key.
    """
    if create and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(os.urandom(_KEY_BYTES).hex() + "\n")
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise WrongKey(f"the key file {path} cannot be read: {error}") from None
    if len(secret) != _KEY_BYTES:
        raise WrongKey(f"the key file {path} must hold {_KEY_BYTES} bytes in hexadecimal")
    return HashKey(secret)


def has_key(connection: Connection) -> bool:
    """Whether a key has written this database before."""
    return connection.scalar(select(key_checks.c.key_id).limit(1)) is not None


def check_key(connection: Connection, key: HashKey, *, adopt: bool) -> None:
    """Check that the database was written with this key; an empty one adopts it.

    Raises:
        WrongKey: it was written with another key; every secret and token would be refused.
    """
    known = dict(connection.execute(select(key_checks.c.key_id, key_checks.c.check_value)).all())
    value = key.digest("rollbook key check")
    if not known and adopt:
        connection.execute(insert(key_checks).values(key_id=key.id, check_value=value))
    elif known.get(key.id) != value:
        raise WrongKey(
            "the key file is not the one this database was written with; "
            "put the right file in place (ROLLBOOK_KEY_FILE)"
        )


class Grant(NamedTuple):
    """What a valid credential allows. Instants in microseconds since 1970."""

    realm: str
    client_id: str
    credential_id: str
    scopes: frozenset[str]
    expires_at: int | None


class CredentialRow(NamedTuple):
    """A credential as operators see it."""

    credential_id: str
    client_id: str
    kind: str
    scopes: str
    issued_at: int
    expires_at: int | None
    revoked_at: int | None


_FIND = (
    select(
        credentials.c.realm,
        credentials.c.client_id,
        credentials.c.credential_id,
        credentials.c.scopes,
        credentials.c.expires_at,
        credentials.c.kind,
        credentials.c.hash,
        clients.c.scopes.label("allowed"),
    )
    .join(realms, realms.c.realm == credentials.c.realm)
    .join(
        clients,
        (clients.c.realm == credentials.c.realm) & (clients.c.client_id == credentials.c.client_id),
    )
    .where(
        credentials.c.revoked_at.is_(None),
        realms.c.suspended.is_(False),
        clients.c.enabled.is_(True),
    )
)


def find_grant(
    connection: Connection, slug: str, digest: str, kinds: Sequence[CredentialKind], now: int
) -> Grant | None:
    """Return what a credential allows in a realm, ``None`` when it is not valid there (now)."""
    row = connection.execute(
        _FIND.where(realms.c.slug == slug, credentials.c.hash == digest)
    ).first()
    # The index answers by equality of a keyed hash nobody can aim at; what it found is compared
    # once more, in constant time, and so is a blank where it found nothing (ABUSE A2, B8).
    stored = row.hash if row is not None else _NO_HASH
    if not hmac.compare_digest(stored, digest) or row is None or row.kind not in kinds:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return None
    scopes = frozenset(row.scopes.split())
    if row.kind == CredentialKind.SECRET:
        scopes = frozenset(row.allowed.split())
    return Grant(row.realm, row.client_id, row.credential_id, scopes, row.expires_at)


class SqlCredentials:
    """The credentials of one realm, in one transaction."""

    def __init__(self, connection: Connection, realm: str, key: HashKey, now: int) -> None:
        self._connection = connection
        self._realm = realm
        self._key = key
        self._now = now

    def add(  # noqa: PLR0913  # one row has these columns
        self,
        *,
        client_id: str,
        credential_id: str,
        kind: CredentialKind,
        text: str,
        scopes: Sequence[str],
        expires_at: int | None,
    ) -> None:
        """Keep the hash of a credential."""
        self._connection.execute(
            insert(credentials).values(
                realm=self._realm,
                credential_id=credential_id,
                client_id=client_id,
                kind=str(kind),
                key_id=self._key.id,
                hash=self._key.digest(text),
                scopes=" ".join(scopes),
                issued_at=self._now,
                expires_at=expires_at,
            )
        )

    def revoke(self, credential_id: str) -> None:
        """Refuse a credential from now on."""
        self._connection.execute(
            update(credentials)
            .where(
                credentials.c.realm == self._realm,
                credentials.c.credential_id == credential_id,
                credentials.c.revoked_at.is_(None),
            )
            .values(revoked_at=self._now)
        )

    def make_room(self, client_id: str) -> None:
        """Delete the client's expired access tokens, and the oldest beyond the limit."""
        own = (
            credentials.c.realm == self._realm,
            credentials.c.client_id == client_id,
            credentials.c.kind == str(CredentialKind.ACCESS),
        )
        self._connection.execute(
            delete(credentials).where(*own, credentials.c.expires_at <= self._now)
        )
        held = self._connection.scalar(select(func.count()).select_from(credentials).where(*own))
        if held is not None and held >= LIVE_ACCESS_TOKENS:
            oldest = (
                select(credentials.c.credential_id)
                .where(*own)
                .order_by(credentials.c.issued_at)
                .limit(held - LIVE_ACCESS_TOKENS + 1)
            )
            self._connection.execute(
                delete(credentials).where(*own, credentials.c.credential_id.in_(oldest))
            )


def list_credentials(
    connection: Connection, realm: str, kind: CredentialKind
) -> list[CredentialRow]:
    """Return the credentials of a kind in a realm, oldest first; never a hash."""
    columns = [credentials.c[name] for name in CredentialRow._fields]
    statement = (
        select(*columns)
        .where(credentials.c.realm == realm, credentials.c.kind == str(kind))
        .order_by(credentials.c.issued_at, credentials.c.credential_id)
    )
    return [CredentialRow(*row) for row in connection.execute(statement)]
