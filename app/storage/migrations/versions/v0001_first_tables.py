"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes every table of the first version."""
    _create_footage()
    _create_people()
    _create_what_is_derived()
    _create_decisions()


def _create_footage() -> None:
    op.create_table(
        "settings",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_settings"),
    )
    op.create_table(
        "models",
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("role", name="pk_models"),
    )
    op.create_table(
        "source_roots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_source_roots"),
        sa.UniqueConstraint("path", name="uq_source_roots_path"),
    )
    op.create_table(
        "cameras",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cameras"),
        sa.UniqueConstraint("name", name="uq_cameras_name"),
    )
    op.create_table(
        "videos",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("camera_id", sa.Integer(), nullable=False),
        sa.Column("source_root_id", sa.Integer(), nullable=False),
        sa.Column("relative_path", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("mtime_ns", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("fps", sa.Float(), nullable=False),
        sa.Column("frame_count", sa.Integer()),
        sa.Column("duration_s", sa.Float()),
        sa.Column("start_utc", sa.Float()),
        sa.Column("start_source", sa.String(), nullable=False),
        sa.Column("analysed_fps", sa.Float()),
        sa.Column("detector_id", sa.String()),
        sa.Column("committed_s", sa.Float(), nullable=False),
        sa.Column("committed_frame", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_videos"),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.id"], name="fk_videos_camera_id"),
        sa.ForeignKeyConstraint(
            ["source_root_id"], ["source_roots.id"], name="fk_videos_source_root_id"
        ),
        sa.UniqueConstraint(
            "source_root_id", "relative_path", name="uq_videos_source_root_id_relative_path"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_videos_camera_id", "videos", ["camera_id"])
    op.create_index("ix_videos_content_hash", "videos", ["content_hash"])


def _create_people() -> None:
    op.create_table(
        "identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
    )
    op.create_table(
        "tracklets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("video_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first_time_s", sa.Float(), nullable=False),
        sa.Column("last_time_s", sa.Float(), nullable=False),
        sa.Column("identity_id", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_tracklets"),
        sa.ForeignKeyConstraint(
            ["video_id"], ["videos.id"], name="fk_tracklets_video_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name="fk_tracklets_identity_id", ondelete="SET NULL"
        ),
        sa.UniqueConstraint("video_id", "number", name="uq_tracklets_video_id_number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tracklets_identity_id", "tracklets", ["identity_id"])


def _of_tracklet(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tracklet_id"], ["tracklets.id"], name=f"fk_{table}_tracklet_id", ondelete="CASCADE"
    )


def _create_what_is_derived() -> None:
    op.create_table(
        "trajectories",
        sa.Column("tracklet_id", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tracklet_id", name="pk_trajectories"),
        _of_tracklet("trajectories"),
    )
    op.create_table(
        "crops",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tracklet_id", sa.Integer(), nullable=False),
        sa.Column("relative_path", sa.String(), nullable=False),
        sa.Column("frame_index", sa.Integer(), nullable=False),
        sa.Column("time_s", sa.Float(), nullable=False),
        sa.Column("box", sa.LargeBinary(16), nullable=False),
        sa.Column("quality", sa.Float(), nullable=False),
        sa.Column("is_best", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crops"),
        _of_tracklet("crops"),
        sa.UniqueConstraint("relative_path", name="uq_crops_relative_path"),
    )
    op.create_index("ix_crops_tracklet_id", "crops", ["tracklet_id"])
    op.create_index(
        "uq_crops_best", "crops", ["tracklet_id"], unique=True, sqlite_where=sa.text("is_best = 1")
    )
    op.create_table(
        "embeddings",
        sa.Column("tracklet_id", sa.Integer(), nullable=False),
        sa.Column("embedder_id", sa.String(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tracklet_id", "embedder_id", name="pk_embeddings"),
        _of_tracklet("embeddings"),
    )


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tracklet_id", sa.Integer()),
        sa.Column("other_id", sa.Integer()),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("decided_utc", sa.Float(), nullable=False),
        sa.Column("tracklet_content_hash", sa.String(), nullable=False),
        sa.Column("tracklet_time_s", sa.Float(), nullable=False),
        sa.Column("tracklet_box", sa.LargeBinary(16), nullable=False),
        sa.Column("other_content_hash", sa.String(), nullable=False),
        sa.Column("other_time_s", sa.Float(), nullable=False),
        sa.Column("other_box", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.ForeignKeyConstraint(
            ["tracklet_id"],
            ["tracklets.id"],
            name="fk_decisions_tracklet_id",
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["tracklets.id"], name="fk_decisions_other_id", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_decisions_tracklet_id", "decisions", ["tracklet_id"])
    op.create_index("ix_decisions_other_id", "decisions", ["other_id"])
