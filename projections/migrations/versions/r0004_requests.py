"""The journal of requests, and where it has gaps."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BIG = sa.BigInteger()


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "requests",
        sa.Column("realm", _ID, nullable=False),
        sa.Column("at", _BIG, nullable=False),
        sa.Column("correlation_id", _ID, nullable=False),
        sa.Column("microseconds", _BIG, nullable=False),
        sa.Column("client_id", _KEY),
        sa.Column("token_id", _ID),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("route", sa.Text()),
        sa.Column("resource_type", sa.String(32)),
        sa.Column("resource_id", _KEY),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("scim_type", sa.String(64)),
        sa.Column("detail", sa.Text()),
        sa.Column("source_address", sa.String(64)),
        sa.Column("user_agent", sa.Text()),
        sa.PrimaryKeyConstraint("realm", "at", "correlation_id", name="requests_pk"),
    )
    failed, about_one = sa.text("status >= 400"), sa.text("resource_id IS NOT NULL")
    op.create_index(
        "requests_by_correlation",
        "requests",
        ["realm", "correlation_id"],
        sqlite_where=failed,
        postgresql_where=failed,
    )
    op.create_index(
        "requests_by_client", "requests", ["realm", "client_id", "at", "correlation_id"]
    )
    op.create_index(
        "requests_by_resource",
        "requests",
        ["realm", "resource_id", "at", "correlation_id"],
        sqlite_where=about_one,
        postgresql_where=about_one,
    )
    op.create_index(
        "requests_failed",
        "requests",
        ["realm", "at", "correlation_id"],
        sqlite_where=failed,
        postgresql_where=failed,
    )
    op.create_table(
        "request_gaps",
        sa.Column("realm", _ID, nullable=False),
        sa.Column("last_at", _BIG, nullable=False),
        sa.Column("first_at", _BIG, nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("noted_by", _ID, nullable=False),
        sa.PrimaryKeyConstraint("realm", "last_at", "noted_by", name="request_gaps_pk"),
        sqlite_with_rowid=False,
    )
