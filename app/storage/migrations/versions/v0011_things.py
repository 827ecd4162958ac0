"""The user can say that a tracklet shows no person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Adds the column; all that is stored are people."""
    op.add_column(
        "tracklets", sa.Column("is_person", sa.Boolean(), nullable=False, server_default="1")
    )
