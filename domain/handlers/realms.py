"""Handlers of what operators do to realms, clients, secrets and tokens.

One function a command; the arguments are few enough to be the command.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from domain.cause import Cause
from domain.credentials import CredentialKind, new_credential
from domain.handlers.streams import same_version
from domain.ports import Log, Transaction
from domain.realm import DEFAULT_SCOPES, Realm, RealmEvent, checked_scopes

FIRST_CLIENT = "scim"
_MICROSECONDS_A_DAY = 86_400_000_000


def create_realm(
    cause: Cause, log: Log, slug: str, *, unique_group_names: bool = True
) -> tuple[str, str]:
    """Create a realm with a client called ``scim`` and a first secret.

    Returns:
        The id of the realm, and the client secret in clear text: shown once, stored nowhere.

    Raises:
        InvalidValue: the slug is not acceptable.
        RealmNameTaken: there is a realm of that name.
    """
    events: list[RealmEvent] = [*Realm.register(slug, unique_group_names=unique_group_names)]
    realm_id, secret_id = log.new_id(), log.new_id()
    realm = Realm.evolve(None, events[0])
    events += realm.add_client(FIRST_CLIENT, DEFAULT_SCOPES)
    events += Realm.evolve(realm, events[1]).issue_secret(FIRST_CLIENT, secret_id)
    secret = new_credential(CredentialKind.SECRET)
    with log.transaction(replace(cause, realm=realm_id)) as work:
        _keep_secret(work, FIRST_CLIENT, secret_id, secret, DEFAULT_SCOPES)
        work.append(realm_id, "Realm", events)
    return realm_id, secret


def change_realm(cause: Cause, log: Log, decide: Callable[[Realm], Sequence[RealmEvent]]) -> bool:
    """Suspend, resume, add, disable or enable: whatever needs nothing but its events.

    Returns:
        Whether anything changed.

    Raises:
        NoSuchRealm, or what the decision raises
    """
    return bool(_record(cause, log, decide))


def issue_secret(cause: Cause, log: Log, client_id: str) -> tuple[str, str]:
    """Issue a further secret of a client.

    Returns:
        The id of the secret, and the secret in clear text.

    Raises:
        NoSuchRealm, NoSuchCredential
    """
    secret_id, secret = log.new_id(), new_credential(CredentialKind.SECRET)

    def keep(work: Transaction, realm: Realm) -> None:
        _keep_secret(work, client_id, secret_id, secret, realm.client(client_id).scopes)

    _record(cause, log, lambda realm: realm.issue_secret(client_id, secret_id), keep)
    return secret_id, secret


def retire_secret(cause: Cause, log: Log, secret_id: str) -> None:
    """Retire a secret. Raises NoSuchRealm, NoSuchCredential."""
    _record(
        cause,
        log,
        lambda realm: realm.retire_secret(secret_id),
        lambda work, _: work.credentials.revoke(secret_id),
    )


def issue_token(
    cause: Cause, log: Log, client_id: str, *, days: int, scopes: tuple[str, ...] | None = None
) -> tuple[str, str, int]:
    """Issue a long-lived token for pasting, with the client's scopes unless others are named.

    Returns:
        The id of the token, the token in clear text, and when it expires (microseconds).

    Raises:
        NoSuchRealm, NoSuchCredential, InvalidValue, RealmSuspended
    """
    token_id, token = log.new_id(), new_credential(CredentialKind.TOKEN)
    expires_at = log.clock() + days * _MICROSECONDS_A_DAY

    def chosen(realm: Realm) -> tuple[str, ...]:
        return checked_scopes(scopes) if scopes else realm.client(client_id).scopes

    def keep(work: Transaction, realm: Realm) -> None:
        work.credentials.add(
            client_id=client_id,
            credential_id=token_id,
            kind=CredentialKind.TOKEN,
            text=token,
            scopes=chosen(realm),
            expires_at=expires_at,
        )

    _record(
        cause,
        log,
        lambda realm: realm.issue_token(client_id, token_id, chosen(realm), expires_at),
        keep,
    )
    return token_id, token, expires_at


def revoke_token(cause: Cause, log: Log, token_id: str) -> None:
    """Revoke a long-lived token. Raises NoSuchRealm, NoSuchCredential."""
    _record(
        cause,
        log,
        lambda realm: realm.revoke_token(token_id),
        lambda work, _: work.credentials.revoke(token_id),
    )


def _record(
    cause: Cause,
    log: Log,
    decide: Callable[[Realm], Sequence[RealmEvent]],
    keep: Callable[[Transaction, Realm], None] | None = None,
) -> Sequence[RealmEvent]:
    stream = log.realm(cause.realm)
    events = decide(stream.state)
    if not events:
        return events
    with log.transaction(cause) as work:
        same_version(stream, work.lock(written=[cause.realm])[cause.realm])
        if keep is not None:
            keep(work, stream.state)
        work.append(cause.realm, "Realm", events)
    return events


def _keep_secret(
    work: Transaction, client_id: str, secret_id: str, secret: str, scopes: tuple[str, ...]
) -> None:
    work.credentials.add(
        client_id=client_id,
        credential_id=secret_id,
        kind=CredentialKind.SECRET,
        text=secret,
        scopes=scopes,
        expires_at=None,
    )
