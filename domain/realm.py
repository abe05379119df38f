"""The Realm aggregate: a tenant, its clients, and what they may prove themselves with.

Clients, secrets and long-lived tokens are events, because an auditor asks who *could* write.
Events name them by id and never carry a secret or a hash of one (ADR 0007).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from domain.events import Bare, Named
from domain.guard import Guard, GuardEvent
from domain.refusals import InvalidValue, NoSuchCredential, RealmSuspended

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
SCOPES = ("scim.read", "scim.write", "audit.read")
DEFAULT_SCOPES = ("scim.read", "scim.write")


@dataclass(frozen=True)
class Client:
    """A client of a realm: what it may do, and the ids of what it may prove itself with."""

    scopes: tuple[str, ...]
    enabled: bool = True
    secrets: frozenset[str] = frozenset()
    tokens: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Realm:
    """The state of a realm."""

    slug: str
    unique_group_names: bool = True
    suspended: bool = False
    clients: Mapping[str, Client] = field(default_factory=dict)
    guard: Guard | None = None
    """The mass-change guard, where the realm has one."""

    @dataclass(frozen=True, slots=True)
    class Registered(Named):
        """The realm came into being; a slug used again is a new realm."""

        slug: str
        unique_group_names: bool

        topic = "realm.registered"

    class Suspended(Bare):
        """No client of the realm may read or write until it is resumed."""

        topic = "realm.suspended"

    class Resumed(Bare):
        """The realm serves its clients again."""

        topic = "realm.resumed"

    @dataclass(frozen=True, slots=True)
    class ClientAdded(Named):
        """A client may be given secrets and tokens."""

        client_id: str
        scopes: tuple[str, ...]

        topic = "realm.client-added"

    @dataclass(frozen=True, slots=True)
    class ClientDisabled(Named):
        """Nothing the client holds is accepted any more."""

        client_id: str

        topic = "realm.client-disabled"

    @dataclass(frozen=True, slots=True)
    class ClientEnabled(Named):
        """What the client holds is accepted again."""

        client_id: str

        topic = "realm.client-enabled"

    @dataclass(frozen=True, slots=True)
    class SecretIssued(Named):
        """A client secret was shown to an operator, once."""

        client_id: str
        secret_id: str

        topic = "realm.secret-issued"

    @dataclass(frozen=True, slots=True)
    class SecretRetired(Named):
        """A client secret is no longer accepted."""

        client_id: str
        secret_id: str

        topic = "realm.secret-retired"

    @dataclass(frozen=True, slots=True)
    class TokenIssued(Named):
        """A long-lived token was shown to an operator, once."""

        client_id: str
        token_id: str
        scopes: tuple[str, ...]
        expires_at: int
        """Microseconds since 1970 (UTC)."""

        topic = "realm.token-issued"

    @dataclass(frozen=True, slots=True)
    class TokenRevoked(Named):
        """A long-lived token is no longer accepted."""

        client_id: str
        token_id: str

        topic = "realm.token-revoked"

    @classmethod
    def register(cls, slug: str, *, unique_group_names: bool) -> "Sequence[RealmEvent]":
        """Decide the registration of a realm.

        Raises:
            InvalidValue: the slug does not fit ``[a-z0-9][a-z0-9-]{1,62}``.
        """
        if not SLUG.fullmatch(slug):
            raise InvalidValue(
                f'"{slug}" cannot be the name of a realm: use 2 to 63 lower-case letters, digits '
                "and hyphens, beginning with a letter or digit"
            )
        return [cls.Registered(slug, unique_group_names)]

    def suspend(self) -> "Sequence[RealmEvent]":
        """Decide to suspend the realm; nothing when it is already."""
        return [] if self.suspended else [Realm.Suspended()]

    def resume(self) -> "Sequence[RealmEvent]":
        """Decide to resume the realm; nothing when it is not suspended."""
        return [Realm.Resumed()] if self.suspended else []

    def add_client(self, client_id: str, scopes: tuple[str, ...]) -> "Sequence[RealmEvent]":
        """Decide to add a client.

        Raises:
            InvalidValue: the id or a scope is not acceptable, or the client exists.
        """
        if client_id in self.clients:
            raise InvalidValue(f'client "{client_id}" exists already')
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", client_id):
            raise InvalidValue(f'"{client_id}" cannot be a client id')
        return [Realm.ClientAdded(client_id, checked_scopes(scopes))]

    def disable_client(self, client_id: str) -> "Sequence[RealmEvent]":
        """Decide to disable a client; nothing when it is."""
        return [Realm.ClientDisabled(client_id)] if self.client(client_id).enabled else []

    def enable_client(self, client_id: str) -> "Sequence[RealmEvent]":
        """Decide to enable a client; nothing when it is."""
        return [] if self.client(client_id).enabled else [Realm.ClientEnabled(client_id)]

    def issue_secret(self, client_id: str, secret_id: str) -> "Sequence[RealmEvent]":
        """Decide to issue a further secret of a client; older ones stay valid."""
        self.client(client_id)
        return [Realm.SecretIssued(client_id, secret_id)]

    def retire_secret(self, secret_id: str) -> "Sequence[RealmEvent]":
        """Decide to retire a secret.

        Raises:
            NoSuchCredential: the realm has no such secret, or it is retired.
        """
        for client_id, client in self.clients.items():
            if secret_id in client.secrets:
                return [Realm.SecretRetired(client_id, secret_id)]
        raise NoSuchCredential(f'the realm has no secret "{secret_id}" in use')

    def issue_token(
        self, client_id: str, token_id: str, scopes: tuple[str, ...], expires_at: int
    ) -> "Sequence[RealmEvent]":
        """Decide to issue a long-lived token.

        Raises:
            InvalidValue: a scope is unknown or wider than the client's.
            RealmSuspended: no client may act in the realm.
        """
        if self.suspended:
            raise RealmSuspended(f'realm "{self.slug}" is suspended; resume it first')
        allowed = self.client(client_id).scopes
        if excess := set(checked_scopes(scopes)) - set(allowed):
            raise InvalidValue(
                f'client "{client_id}" may have {" ".join(allowed)}, not {" ".join(sorted(excess))}'
            )
        return [Realm.TokenIssued(client_id, token_id, scopes, expires_at)]

    def revoke_token(self, token_id: str) -> "Sequence[RealmEvent]":
        """Decide to revoke a long-lived token.

        Raises:
            NoSuchCredential: the realm has no such token, or it is revoked.
        """
        for client_id, client in self.clients.items():
            if token_id in client.tokens:
                return [Realm.TokenRevoked(client_id, token_id)]
        raise NoSuchCredential(f'the realm has no token "{token_id}" in use')

    def client(self, client_id: str) -> Client:
        """Return a client of the realm.

        Raises:
            NoSuchCredential: there is none of that id.
        """
        if client_id not in self.clients:
            known = ", ".join(sorted(self.clients)) or "none yet"
            raise NoSuchCredential(f'the realm has no client "{client_id}" (it has {known})')
        return self.clients[client_id]

    @staticmethod
    def evolve(realm: "Realm | None", event: "RealmEvent") -> "Realm":
        """Return the realm as ``event`` leaves it; ``realm`` is ``None`` before the first."""
        if isinstance(event, Realm.Registered):
            return Realm(event.slug, event.unique_group_names)
        if realm is None:
            raise ValueError(f"a Realm stream begins with {Realm.Registered.topic}")
        match event:
            case Realm.Suspended() | Realm.Resumed():
                return replace(realm, suspended=isinstance(event, Realm.Suspended))
            case Guard.Set() | Guard.Removed() | Guard.Tripped() | Guard.Lifted():
                return replace(realm, guard=Guard.evolve(realm.guard, event))
            case Realm.ClientAdded(client_id, scopes):
                return replace(realm, clients={**realm.clients, client_id: Client(scopes)})
            case Realm.ClientDisabled(client_id):
                return _with_client(realm, client_id, enabled=False)
            case Realm.ClientEnabled(client_id):
                return _with_client(realm, client_id, enabled=True)
            case Realm.SecretIssued(client_id, secret_id):
                secrets = realm.clients[client_id].secrets | {secret_id}
                return _with_client(realm, client_id, secrets=secrets)
            case Realm.SecretRetired(client_id, secret_id):
                secrets = realm.clients[client_id].secrets - {secret_id}
                return _with_client(realm, client_id, secrets=secrets)
            case Realm.TokenIssued(client_id, token_id):
                tokens = realm.clients[client_id].tokens | {token_id}
                return _with_client(realm, client_id, tokens=tokens)
            case Realm.TokenRevoked(client_id, token_id):
                tokens = realm.clients[client_id].tokens - {token_id}
                return _with_client(realm, client_id, tokens=tokens)
            case _:
                assert_never(event)


RealmEvent = (
    Realm.Registered
    | Realm.Suspended
    | Realm.Resumed
    | Realm.ClientAdded
    | Realm.ClientDisabled
    | Realm.ClientEnabled
    | Realm.SecretIssued
    | Realm.SecretRetired
    | Realm.TokenIssued
    | Realm.TokenRevoked
    | GuardEvent
)


def checked_scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scopes.

    Raises:
        InvalidValue: one is unknown, or there is none.
    """
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise InvalidValue(f"scopes are {', '.join(SCOPES)}; not {', '.join(unknown) or 'none'}")
    return scopes


def _with_client(realm: Realm, client_id: str, **changes: Any) -> Realm:
    client = replace(realm.clients[client_id], **changes)
    return replace(realm, clients={**realm.clients, client_id: client})
