"""Videos keep how they were ordered, so that they can be read again in the same way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds the column, and fills it for what waits."""
    op.add_column("videos", sa.Column("options", sa.JSON()))
    op.execute(
        "UPDATE videos SET options = "
        "(SELECT json_remove(options, '$.camera') FROM queue WHERE video_id = videos.id)"
    )
