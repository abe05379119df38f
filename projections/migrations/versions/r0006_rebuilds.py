"""What rebuilds need: states of followers, how far a filling has come, who is at work."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column and create the tables."""
    op.add_column(
        "checkpoints", sa.Column("state", sa.String(16), nullable=False, server_default="live")
    )
    op.create_table(
        "fillings",
        sa.Column("read_model", sa.String(63), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("realm", _ID, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("stream_id", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("read_model", "generation", "realm", name="fillings_pk"),
    )
    op.create_table(
        "processes",
        sa.Column("process_id", _ID, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("knows", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
    )
