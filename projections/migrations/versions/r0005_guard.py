"""The mass-change guard: the limit of a realm, and who was deactivated or deleted lately."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the two tables."""
    op.create_table(
        "guards",
        sa.Column("realm", _ID, primary_key=True),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("minimum", sa.Integer(), nullable=False),
        sa.Column("window_minutes", sa.Integer(), nullable=False),
        sa.Column("lifted_until", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "departures",
        sa.Column("realm", _ID, nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "type", "id", name="departures_pk"),
        sqlite_with_rowid=False,
    )
    op.create_index("departures_at", "departures", ["realm", "type", "at", "deleted"])
