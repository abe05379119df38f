"""Realms and their clients as rows: what a request is checked against before anything else.

Durable, written inline with the events of the Realm aggregate; a fold of those events gives the
same rows. Credentials stand in :mod:`projections.credentials`: their hashes are in no event.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from domain.events import RecordedEvent
from domain.guard import Guard
from domain.realm import Realm
from domain.refusals import NoSuchRealm, RealmNameTaken
from projections.departures import record_guard_event
from projections.engines.spelling import insert_new
from projections.tables import clients, realms


class RealmRow(NamedTuple):
    """A realm as operators see it; ``registered_at`` in microseconds since 1970."""

    realm: str
    slug: str
    suspended: bool
    unique_group_names: bool
    registered_at: int


def get_realm(connection: Connection, slug: str) -> RealmRow:
    """Return a realm by its name. Raises :class:`NoSuchRealm`."""
    row = connection.execute(select(realms).where(realms.c.slug == slug)).first()
    if row is None:
        raise NoSuchRealm(slug)
    return RealmRow(row.realm, row.slug, row.suspended, row.unique_group_names, row.registered_at)


def list_realms(connection: Connection) -> list[RealmRow]:
    """Return every realm, by name."""
    rows = connection.execute(select(realms).order_by(realms.c.slug))
    return [
        RealmRow(row.realm, row.slug, row.suspended, row.unique_group_names, row.registered_at)
        for row in rows
    ]


def record_realm_events(connection: Connection, events: Sequence[RecordedEvent[Any]]) -> None:
    """Write what the events of realms say about realms and clients.

    Raises:
        RealmNameTaken: a realm of that name exists; its uniqueness is the table's.
    """
    for recorded in events:
        realm, event = recorded.stream_id, recorded.event
        match event:
            case Realm.Registered(slug, unique_group_names):
                row = {
                    "realm": realm,
                    "slug": slug,
                    "suspended": False,
                    "unique_group_names": unique_group_names,
                    "registered_at": recorded.recorded_at,
                }
                inserted = insert_new(connection.dialect.name, realms).returning(realms.c.realm)
                if not connection.execute(inserted, row).first():
                    raise RealmNameTaken(slug)
            case Realm.Suspended() | Realm.Resumed():
                suspended = isinstance(event, Realm.Suspended)
                connection.execute(
                    update(realms).where(realms.c.realm == realm).values(suspended=suspended)
                )
            case Realm.ClientAdded(client_id, scopes):
                connection.execute(
                    insert(clients).values(
                        realm=realm, client_id=client_id, scopes=" ".join(scopes), enabled=True
                    )
                )
            case Realm.ClientDisabled(client_id) | Realm.ClientEnabled(client_id):
                enabled = isinstance(event, Realm.ClientEnabled)
                connection.execute(
                    update(clients)
                    .where(clients.c.realm == realm, clients.c.client_id == client_id)
                    .values(enabled=enabled)
                )
            case Guard.Set() | Guard.Removed() | Guard.Lifted():
                record_guard_event(connection, realm, event)
            case _:
                pass  # secrets and tokens: see projections.credentials
