"""Pages of the journal, newest first: each begins where the one before ended."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select, text, tuple_

from projections.journal.entries import Gap
from projections.tables import request_gaps, requests

FAILED = 400
"""The least status of a request that was refused or failed."""
_MOST_GAPS = 100
_FAILED = text("requests.status >= 400")
"""As the index of failures says it: a bound value would not be recognised."""


class RequestRow(NamedTuple):
    """One request; ``at`` in microseconds since 1970."""

    at: int
    correlation_id: str
    microseconds: int
    client_id: str | None
    token_id: str | None
    method: str
    route: str | None
    resource_type: str | None
    resource_id: str | None
    status: int
    scim_type: str | None
    detail: str | None
    source_address: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requests are asked for; ``None`` asks for all. Both instants are included."""

    from_at: int | None = None
    to_at: int | None = None
    client_id: str | None = None
    method: str | None = None
    status: int | None = None
    failed: bool = False
    resource_type: str | None = None
    resource_id: str | None = None
    correlation_id: str | None = None


class Place(NamedTuple):
    """Where a page ended."""

    at: int
    correlation_id: str


def list_requests(
    connection: Connection, realm: str, wanted: Wanted, count: int, after: Place | None = None
) -> list[RequestRow]:
    """Return the newest requests of a realm after a place, at most ``count``.

    A correlation id is looked up in an index among failures; of the others it is looked for from
    the newest on, which two instants make short.
    """
    if wanted.correlation_id is not None and not wanted.failed:
        among_failures = replace(wanted, failed=True)
        if found := list_requests(connection, realm, among_failures, count, after):
            return found  # there is but one request of an id
    columns = [requests.c[name] for name in RequestRow._fields]
    key = tuple_(requests.c.at, requests.c.correlation_id)
    selected = select(*columns).where(requests.c.realm == realm, *_conditions(wanted)).limit(count)
    if wanted.correlation_id is None:  # of one request there is no order to be found by an index
        selected = selected.order_by(requests.c.at.desc(), requests.c.correlation_id.desc())
    if after is not None:
        # The first condition is for an index, which knows no pairs on every engine.
        place = tuple_(after.at, after.correlation_id)
        selected = selected.where(requests.c.at <= after.at, key < place)
    return [RequestRow(*row) for row in connection.execute(selected)]


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    equal = {
        requests.c.client_id: wanted.client_id,
        requests.c.method: wanted.method,
        requests.c.status: wanted.status,
        requests.c.resource_type: wanted.resource_type,
        requests.c.resource_id: wanted.resource_id,
        requests.c.correlation_id: wanted.correlation_id,
    }
    found: list[ColumnElement[bool]] = [c == v for c, v in equal.items() if v is not None]
    if wanted.failed or (wanted.status or 0) >= FAILED:
        found.append(_FAILED)  # type: ignore[arg-type]
    if wanted.from_at is not None:
        found.append(requests.c.at >= wanted.from_at)
    if wanted.to_at is not None:
        found.append(requests.c.at <= wanted.to_at)
    return found


def list_gaps(connection: Connection, realm: str, wanted: Wanted) -> list[Gap]:
    """Return where the journal of a realm lacks requests it was asked for, newest first."""
    found = (
        select(request_gaps.c.first_at, request_gaps.c.last_at, request_gaps.c.requests)
        .where(request_gaps.c.realm == realm)
        .order_by(request_gaps.c.last_at.desc())
        .limit(_MOST_GAPS)
    )
    if wanted.from_at is not None:
        found = found.where(request_gaps.c.last_at >= wanted.from_at)
    if wanted.to_at is not None:
        found = found.where(request_gaps.c.first_at <= wanted.to_at)
    return [Gap(realm, None, *row) for row in connection.execute(found)]
