"""The durable tables: log, heads, claims, members, realms, clients, credentials, generations.

Written out rather than taken from :mod:`projections.tables`: a revision says what was done on the
day it was made, whatever the tables become later. A test compares the two.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Text that is compared stands in the order of code points, whatever the locale of the database.
_ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BIG = sa.BigInteger()


def upgrade() -> None:
    """Create every durable table."""
    op.create_table(
        "events",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("originator_id", _ID, nullable=False),
        sa.Column("originator_version", sa.Integer(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("realm", _ID),
        sa.Column("recorded_at", _BIG),
        sa.Column("correlation_id", sa.String(32)),
        sa.UniqueConstraint("originator_id", "originator_version", name="events_stream_version"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_realm_position", "events", ["realm", "position"])
    op.create_table(
        "streams",
        sa.Column("realm", _ID, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", _BIG, nullable=False),
        sa.Column("correlation_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("realm", "id", name="streams_pk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "claims",
        sa.Column("realm", _ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("owner", _ID, nullable=False),
        sa.PrimaryKeyConstraint("realm", "kind", "key", name="claims_pk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "members",
        sa.Column("realm", _ID, nullable=False),
        sa.Column("group_id", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.Column("member_type", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("realm", "group_id", "member_id", name="members_pk"),
        sqlite_with_rowid=False,
    )
    op.create_index("members_by_member", "members", ["realm", "member_id", "group_id"])
    op.create_table(
        "realms",
        sa.Column("realm", _ID, primary_key=True),
        sa.Column("slug", sa.String(63), nullable=False, unique=True),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("unique_group_names", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("registered_at", _BIG, nullable=False),
    )
    op.create_table(
        "clients",
        sa.Column("realm", _ID, nullable=False),
        sa.Column("client_id", sa.String(63), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "client_id", name="clients_pk"),
    )
    op.create_table(
        "credentials",
        sa.Column("realm", _ID, nullable=False),
        sa.Column("credential_id", _ID, nullable=False),
        sa.Column("client_id", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(3), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("issued_at", _BIG, nullable=False),
        sa.Column("expires_at", _BIG),
        sa.Column("revoked_at", _BIG),
        sa.PrimaryKeyConstraint("realm", "credential_id", name="credentials_pk"),
        sa.UniqueConstraint("realm", "hash", name="credentials_hash"),
    )
    op.create_index("credentials_by_client", "credentials", ["realm", "client_id", "kind"])
    op.create_table(
        "key_checks",
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("check_value", sa.String(64), nullable=False),
    )
    op.create_table(
        "generations",
        sa.Column("read_model", sa.String(63), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("read_model", "generation", name="generations_pk"),
    )
