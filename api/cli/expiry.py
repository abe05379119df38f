"""Long-lived tokens that run out soon: an expired one stops provisioning without a word."""

from typing import NamedTuple

from api.cli.answers import instant
from api.composition import Service
from domain.credentials import CredentialKind
from projections.credentials import CredentialRow, list_credentials
from projections.realms import list_realms

WARNING_DAYS = (1, 7, 30)
_MICROSECONDS_A_DAY = 86_400_000_000


class Expiry(NamedTuple):
    """How a token stands: in words, and the days of the warning it is due, if any."""

    state: str
    within_days: int | None = None


def expiry_of(row: CredentialRow, now: int) -> Expiry:
    """Return how a token stands at ``now`` (microseconds since 1970)."""
    if row.revoked_at is not None:
        return Expiry(f"revoked {instant(row.revoked_at)}")
    if row.expires_at is None:
        return Expiry("in use")
    left = row.expires_at - now
    if left <= 0:
        return Expiry("expired")
    for days in WARNING_DAYS:
        if left <= days * _MICROSECONDS_A_DAY:
            return Expiry(f"expires within {days} {'day' if days == 1 else 'days'}", days)
    return Expiry("in use")


def log_expiring(service: Service) -> None:
    """Write a warning to the log for each token that expires within 30, 7 or 1 days."""
    import structlog

    logger = structlog.get_logger()
    now = service.log.clock()
    with service.database.reading() as connection:
        for realm in list_realms(connection):
            for row in list_credentials(connection, realm.realm, CredentialKind.TOKEN):
                expiry = expiry_of(row, now)
                if expiry.within_days is not None:
                    logger.warning(
                        "token.expires-soon",
                        realm=realm.slug,
                        client_id=row.client_id,
                        token_id=row.credential_id,
                        expires_at=instant(row.expires_at),
                        within_days=expiry.within_days,
                    )
