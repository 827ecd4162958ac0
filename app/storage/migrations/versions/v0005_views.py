"""A file may hold several views; each is a video of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds the view, by which videos of one file differ."""
    with op.batch_alter_table(
        "videos", recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ) as videos:
        videos.add_column(sa.Column("view", sa.Integer(), nullable=False, server_default="0"))
        videos.drop_constraint("uq_videos_source_root_id_relative_path", type_="unique")
        videos.create_unique_constraint(
            "uq_videos_source_root_id_relative_path_view",
            ["source_root_id", "relative_path", "view"],
        )
