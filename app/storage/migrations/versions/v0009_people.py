"""People have a colour and notes, and the journal also holds what is changed about a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Adds the columns; a step about a person names no tracklets."""
    for name in ("colour", "notes"):
        op.add_column("identities", sa.Column(name, sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("decisions") as decisions:
        for side in ("tracklet", "other"):
            decisions.alter_column(f"{side}_content_hash", nullable=True)
            decisions.alter_column(f"{side}_time_s", nullable=True)
            decisions.alter_column(f"{side}_box", nullable=True)
