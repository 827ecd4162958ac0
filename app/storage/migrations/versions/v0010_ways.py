"""How long people take between two cameras at least and at most can be set."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Adds the table; nothing is set."""
    op.create_table(
        "way_limits",
        sa.Column("one_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("min_s", sa.Float(), nullable=True),
        sa.Column("max_s", sa.Float(), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [side], ["cameras.id"], name=f"fk_way_limits_{side}", ondelete="CASCADE"
            )
            for side in ("one_id", "other_id")
        ),
        sa.PrimaryKeyConstraint("one_id", "other_id", name="pk_way_limits"),
    )
