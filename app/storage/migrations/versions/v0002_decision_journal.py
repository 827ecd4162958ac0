"""Decisions become a journal that undo reads: in the order they were made, with what they did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds state and changes, and numbers the decisions in the order of their times."""
    state = sa.Column("state", sa.String(), nullable=False, server_default="stands")
    op.add_column("decisions", state)
    op.add_column("decisions", sa.Column("changes", sa.JSON()))
    connection = op.get_bind()
    ids = connection.execute(sa.text("SELECT id FROM decisions ORDER BY decided_utc, id")).scalars()
    renumbered = [{"old": old, "new": -number} for number, old in enumerate(ids, 1)]
    if renumbered:
        # By way of negative numbers, since each id is another's until it has its own new one.
        connection.execute(sa.text("UPDATE decisions SET id = :new WHERE id = :old"), renumbered)
        connection.execute(sa.text("UPDATE decisions SET id = -id"))
