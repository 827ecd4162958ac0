"""What waits knows how often the program crashed at it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Adds the crashes of what waits."""
    op.add_column("queue", sa.Column("crashes", sa.Integer(), server_default="0", nullable=False))
