"""Entries of the journal as the edge makes them."""

from typing import Any

from projections.journal.entries import Entry

BEGAN = 1_790_000_000_000_000


def entry(number: int, **changes: Any) -> Entry:
    """Return an entry that can be told by its number, which its correlation id spells."""
    made = Entry(
        realm=None,
        slug="acme",
        at=BEGAN + number,
        microseconds=1_500,
        correlation_id=f"{number:032x}",
        client_id="scim",
        token_id=None,
        claimed=None,
        method="GET",
        route="/realms/{realm}/scim/v2/Users",
        resource_type="User",
        resource_id=None,
        status=200,
        scim_type=None,
        detail=None,
        source_address="203.0.113.7",
        user_agent="test",
    )
    return made._replace(**changes)
