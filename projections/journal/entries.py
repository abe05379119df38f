"""What the journal keeps of one request: who, what, how it ended; no body, no query, no secret."""

from typing import NamedTuple


class Entry(NamedTuple):
    """One request as its process saw it; instants in microseconds since 1970."""

    realm: str | None
    """The id of the realm, where the request was authenticated."""
    slug: str | None
    """The realm as the path names it: of a realm that does not exist nothing is kept."""
    at: int
    """When the request began."""
    microseconds: int
    """How long it took until its answer was sent."""
    correlation_id: str
    client_id: str | None
    token_id: str | None
    claimed: str | None
    """A client id that was named and not proved; kept where the realm has such a client."""
    method: str
    route: str | None
    """The template of the path; ``None`` where no route serves it."""
    resource_type: str | None
    resource_id: str | None
    status: int
    """0 where nothing was answered."""
    scim_type: str | None
    """Of an answer of the OAuth endpoints: their error code."""
    detail: str | None
    source_address: str | None
    user_agent: str | None


class Gap(NamedTuple):
    """Requests of a realm that were dropped because they could not be written in time."""

    realm: str | None
    slug: str | None
    first_at: int
    last_at: int
    requests: int
