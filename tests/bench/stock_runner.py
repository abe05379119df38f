"""The eventsourcing library's own ProjectionRunner, filling the tables of the directory.

As its documentation shows it: a view that is a tracking recorder, a transaction an event, rows and
tracking together. The rows are made by the same functions as ours, the statements are the driver's.
"""

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import Mapper, StoredEvent, Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg import sql

from projections.directory.g1.rendering import (
    columns_of,
    correlation_of,
    email_keys_of,
    read_document,
)
from projections.directory.g1.rows import FUNCTIONS, Row
from projections.mapper import EventMapper
from tests.postgresql.cluster import Cluster

_LOAD = (
    "SELECT document, version, meta, created, last_modified FROM users_g1 WHERE realm=%s AND id=%s"
)

_EMAIL = "INSERT INTO user_emails_g1 (realm, user_id, place, value_key) VALUES (%s,%s,%s,%s)"


class Upstream(Application[UUID]):
    """The application whose events are followed."""

    def construct_mapper(self) -> Mapper[UUID]:
        return EventMapper()


class Rows(PostgresTrackingRecorder):
    """The view: the tables of generation 1."""

    def write(self, recorded: Any, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            before = self._load(cursor, recorded)
            row = FUNCTIONS[recorded.event.topic](before, recorded)
            if row is not None:
                self._store(cursor, row)
            self._insert_tracking(cursor, tracking)

    def _load(self, cursor: Any, recorded: Any) -> Row | None:
        if recorded.originator_version == 1:
            return None
        realm, id_ = recorded.cause.realm, recorded.stream_id
        found = cursor.execute(_LOAD, [realm, id_], prepare=True).fetchone()
        return Row(
            realm,
            id_,
            "User",
            read_document(found["document"]),
            found["version"],
            correlation_of(found["meta"]),
            found["created"],
            found["last_modified"],
        )

    def _store(self, cursor: Any, row: Row) -> None:
        columns = columns_of(row)
        key = [row.realm, row.id]
        cursor.execute(_upsert(tuple(columns)), list(columns.values()), prepare=True)
        cursor.execute(
            "DELETE FROM user_emails_g1 WHERE realm=%s AND user_id=%s", key, prepare=True
        )
        for place, value in enumerate(email_keys_of(row)):
            cursor.execute(_EMAIL, [*key, place, value], prepare=True)


_STATEMENTS: dict[tuple[str, ...], sql.Composed] = {}


def _upsert(names: tuple[str, ...]) -> sql.Composed:
    if names not in _STATEMENTS:
        listed = sql.SQL(", ").join(map(sql.Identifier, names))
        places = sql.SQL(", ").join(
            sql.SQL("%s::jsonb") if name == "keys" else sql.SQL("%s") for name in names
        )
        moved = sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name))
            for name in names
            if name not in {"realm", "id"}
        )
        _STATEMENTS[names] = sql.SQL(
            "INSERT INTO users_g1 ({}) VALUES ({}) ON CONFLICT (realm, id) DO UPDATE SET {}"
        ).format(listed, places, moved)
    return _STATEMENTS[names]


class Directory(Projection[Rows]):
    """Calls the view for each event."""

    topics = ()

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.write(domain_event, tracking)


def rate_of_runner(cluster: Cluster, name: str, stored: list[StoredEvent]) -> float:
    """Return how many events a second the runner takes, over all that are given."""
    env: Mapping[str, str] = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": name,
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_PORT": str(cluster.port),
        "POSTGRES_USER": "postgres",
        "POSTGRES_PASSWORD": "",
    }
    upstream = Upstream(env)
    for start in range(0, len(stored), 500):
        upstream.recorder.insert_events(stored[start : start + 500])
    last = upstream.recorder.max_notification_id()
    began = time.perf_counter()
    with ProjectionRunner(
        application_class=Upstream, projection_class=Directory, view_class=Rows, env=dict(env)
    ) as runner:
        runner.wait(last, timeout=600)
        taken = time.perf_counter() - began
    upstream.close()
    return len(stored) / taken
