"""An index by instant: what stood then is asked by position, and the position by instant."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    op.create_index("events_recorded_at", "events", ["recorded_at"])
