"""Tracklets are stored in parts while their person stays, with what the stages knew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Makes each trajectory the first part of itself; adds the states of analyses."""
    op.create_table(
        "analysis_states",
        sa.Column("video_id", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["video_id"], ["videos.id"], name="fk_analysis_states_video_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("video_id", name="pk_analysis_states"),
    )
    op.create_table(
        "trajectory_parts",
        sa.Column("tracklet_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("first_time_s", sa.Float(), nullable=False),
        sa.Column("last_time_s", sa.Float(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tracklet_id"], ["tracklets.id"], name="fk_trajectories_tracklet_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tracklet_id", "part", name="pk_trajectories"),
    )  # fmt: skip
    op.execute(
        "INSERT INTO trajectory_parts (tracklet_id, part, first_time_s, last_time_s, data) "
        "SELECT id, 0, first_time_s, last_time_s, data "
        "FROM tracklets JOIN trajectories ON tracklet_id = id"
    )
    op.drop_table("trajectories")
    op.rename_table("trajectory_parts", "trajectories")
