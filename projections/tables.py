"""The durable tables (ADR 0003). Their DDL is the first Alembic revision.

``realm`` is the id of the Realm aggregate and the first column of every key and index, save where
the eventsourcing library's recorder contract or the resolution of a slug stands before a realm is
known. Instants are microseconds since 1970 (UTC) in a 64-bit integer; ids are text.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)

from projections.engines.types import Identifier, Key, Position

metadata = MetaData()

events = Table(
    "events",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("originator_id", Identifier, nullable=False),
    Column("originator_version", Integer, nullable=False),
    Column("topic", Text, nullable=False),
    Column("state", LargeBinary, nullable=False),
    # Envelope: nullable for the library's recorder contract, set by every unit of work.
    Column("realm", Identifier),
    Column("recorded_at", BigInteger),
    Column("correlation_id", String(32)),
    UniqueConstraint("originator_id", "originator_version", name="events_stream_version"),
    Index("events_realm_position", "realm", "position"),
    Index("events_recorded_at", "recorded_at"),
    sqlite_autoincrement=True,
)

streams = Table(
    "streams",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("id", Identifier, nullable=False),
    Column("type", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("correlation_id", String(32), nullable=False),
    PrimaryKeyConstraint("realm", "id", name="streams_pk"),
    sqlite_with_rowid=False,
)

claims = Table(
    "claims",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("key", Key, nullable=False),
    Column("owner", Identifier, nullable=False),
    PrimaryKeyConstraint("realm", "kind", "key", name="claims_pk"),
    sqlite_with_rowid=False,
)

members = Table(
    "members",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("group_id", Identifier, nullable=False),
    Column("member_id", Identifier, nullable=False),
    Column("member_type", String(16), nullable=False),
    PrimaryKeyConstraint("realm", "group_id", "member_id", name="members_pk"),
    Index("members_by_member", "realm", "member_id", "group_id"),
    sqlite_with_rowid=False,
)

realms = Table(
    "realms",
    metadata,
    Column("realm", Identifier, primary_key=True),
    Column("slug", String(63), nullable=False, unique=True),
    Column("suspended", Boolean, nullable=False),
    Column("unique_group_names", Boolean, nullable=False, server_default=true()),
    Column("registered_at", BigInteger, nullable=False),
)

guards = Table(
    "guards",
    metadata,
    Column("realm", Identifier, primary_key=True),
    Column("percent", Integer, nullable=False),
    Column("minimum", Integer, nullable=False),
    Column("window_minutes", Integer, nullable=False),
    Column("lifted_until", BigInteger, nullable=False),
)

departures = Table(
    "departures",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("type", String(16), nullable=False),
    Column("id", Identifier, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    PrimaryKeyConstraint("realm", "type", "id", name="departures_pk"),
    Index("departures_at", "realm", "type", "at", "deleted"),
    sqlite_with_rowid=False,
)

clients = Table(
    "clients",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("client_id", String(63), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    PrimaryKeyConstraint("realm", "client_id", name="clients_pk"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("credential_id", Identifier, nullable=False),
    Column("client_id", String(63), nullable=False),
    Column("kind", String(3), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    PrimaryKeyConstraint("realm", "credential_id", name="credentials_pk"),
    UniqueConstraint("realm", "hash", name="credentials_hash"),
    Index("credentials_by_client", "realm", "client_id", "kind"),
)

key_checks = Table(
    "key_checks",
    metadata,
    Column("key_id", String(16), primary_key=True),
    Column("check_value", String(64), nullable=False),
)

generations = Table(
    "generations",
    metadata,
    Column("read_model", String(63), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    PrimaryKeyConstraint("read_model", "generation", name="generations_pk"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("read_model", String(63), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("moved_at", BigInteger, nullable=False),
    Column("error", Text),
    Column("state", String(16), nullable=False, server_default="live"),
    PrimaryKeyConstraint("read_model", "generation", name="checkpoints_pk"),
)

# How far a generation that is filled has come: one row for all (without a realm), one a realm.
fillings = Table(
    "fillings",
    metadata,
    Column("read_model", String(63), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("realm", Identifier, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("stream_id", Identifier, nullable=False),
    Column("version", Integer, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    PrimaryKeyConstraint("read_model", "generation", "realm", name="fillings_pk"),
)

processes = Table(
    "processes",
    metadata,
    Column("process_id", Identifier, primary_key=True),
    Column("name", Text, nullable=False),
    Column("knows", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
)

parked_events = Table(
    "parked_events",
    metadata,
    Column("read_model", String(63), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("realm", Identifier, nullable=False),
    Column("stream_id", Identifier, nullable=False),
    Column("topic", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("parked_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("read_model", "generation", "position", name="parked_events_pk"),
)

# The journal of requests: durable, but no truth; old rows are deleted (projections.journal). With
# rowids: without them SQLite would find everything by the primary key, and never by an index.
_FAILED, _ABOUT_ONE = text("status >= 400"), text("resource_id IS NOT NULL")
requests = Table(
    "requests",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("correlation_id", Identifier, nullable=False),
    Column("microseconds", BigInteger, nullable=False),
    Column("client_id", Key),
    Column("token_id", Identifier),
    Column("method", String(16), nullable=False),
    Column("route", Text),
    Column("resource_type", String(32)),
    Column("resource_id", Key),
    Column("status", Integer, nullable=False),
    Column("scim_type", String(64)),
    Column("detail", Text),
    Column("source_address", String(64)),
    Column("user_agent", Text),
    PrimaryKeyConstraint("realm", "at", "correlation_id", name="requests_pk"),
    # Ids without an order cost most to index; those of failures alone are ever shown to a client.
    Index(
        "requests_by_correlation",
        "realm",
        "correlation_id",
        sqlite_where=_FAILED,
        postgresql_where=_FAILED,
    ),
    Index("requests_by_client", "realm", "client_id", "at", "correlation_id"),
    Index(
        "requests_by_resource",
        "realm",
        "resource_id",
        "at",
        "correlation_id",
        sqlite_where=_ABOUT_ONE,
        postgresql_where=_ABOUT_ONE,
    ),
    Index(
        "requests_failed",
        "realm",
        "at",
        "correlation_id",
        sqlite_where=_FAILED,
        postgresql_where=_FAILED,
    ),
)

request_gaps = Table(
    "request_gaps",
    metadata,
    Column("realm", Identifier, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("noted_by", Identifier, nullable=False),
    PrimaryKeyConstraint("realm", "last_at", "noted_by", name="request_gaps_pk"),
    sqlite_with_rowid=False,
)
