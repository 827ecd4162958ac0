"""Cameras have clocks and former names; videos know what the recorder's clock showed."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# Names that state a zone, or are Unix times: for these the library's zone played no part.
_STATED = re.compile(
    r"\dT\d\d.?\d\d.?\d\d(?:\.\d+)?(?:Z|[+-]\d\d)|(?:^|/)PXL_|^(?!.*20\d\d[-_.]?\d\d[-_.]?\d\d).*1\d{9}"
)


def upgrade() -> None:
    """Adds the columns, and works out the clock's own time of starts that file names gave."""
    for column in (
        sa.Column("zone", sa.String(), nullable=False, server_default=""),
        sa.Column("offset_s", sa.Float(), nullable=False, server_default="0"),
        sa.Column("drift_s_per_day", sa.Float(), nullable=False, server_default="0"),
        sa.Column("reference_utc", sa.Float()),
        sa.Column("also_called", sa.JSON(), nullable=False, server_default="[]"),
    ):
        op.add_column("cameras", column)
    op.add_column("videos", sa.Column("start_local", sa.String()))
    connection = op.get_bind()
    named = connection.execute(sa.text("SELECT value FROM settings WHERE key = 'timezone'"))
    zone = ZoneInfo(named.scalar() or "UTC")
    videos = connection.execute(
        sa.text(
            "SELECT id, relative_path, start_utc FROM videos "
            "WHERE start_source = 'file name' AND start_utc IS NOT NULL"
        )
    )
    local = [
        {"id": video_id, "local": datetime.fromtimestamp(start, zone).replace(tzinfo=None)}
        for video_id, path, start in videos
        if not _STATED.search(path)
    ]
    if local:
        connection.execute(
            sa.text("UPDATE videos SET start_local = :local WHERE id = :id"),
            [{**row, "local": row["local"].isoformat()} for row in local],
        )
