"""The queue of videos that are ordered; what an older version had begun waits in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Makes the queue, and puts what was not finished into it."""
    op.create_table(
        "queue",
        sa.Column("video_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("video_id", name="pk_queue"),
        sa.ForeignKeyConstraint(
            ["video_id"], ["videos.id"], name="fk_queue_video_id", ondelete="CASCADE"
        ),
    )
    op.execute(
        "INSERT INTO queue (video_id, place, options) "
        "SELECT id, id, json_object('fps', coalesce(analysed_fps, 5.0)) FROM videos "
        "WHERE status IN ('pending', 'ingesting')"
    )
