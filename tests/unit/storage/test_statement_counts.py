"""What concerns many videos takes no statement for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from app.core.orders import Ordered
from app.storage.library import Library


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are executed in here, but for those that add a row each."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("INSERT INTO videos"):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield statements
    event.remove(Engine, "before_cursor_execute", note)


def ordered(footage: Path, count: int) -> list[Ordered]:
    return [Ordered(footage / f"{number:04}.mp4", f"cam{number % 3}", 1, 1)
            for number in range(count)]  # fmt: skip


WORK: dict[str, Callable[[Library, Path, int], object]] = {
    "order": lambda library, footage, count: library.order_videos(
        footage, ordered(footage, 2 * count)[count:], {"fps": 2.0}
    ),
    "order again": lambda library, footage, count: library.order_videos(
        footage, ordered(footage, count), {"fps": 2.0}
    ),
    "retry": lambda library, footage, count: library.queue_videos(library.queued_ids(), {}),
    "reorder": lambda library, footage, count: library.move_in_queue(
        library.queued_ids()[::-1], to_front=True
    ),
    "exclude": lambda library, footage, count: library.exclude_videos(library.queued_ids()),
    "list": lambda library, footage, count: library.videos(),
    "repoint": lambda library, footage, count: library.repoint_source(
        footage, footage.with_name("moved")
    ),
    "repoint a part": lambda library, footage, count: library.repoint_source(
        footage.parent, footage.parent.with_name("elsewhere")
    ),
}


@pytest.mark.parametrize("name", WORK)
def test_no_statement_for_each_video(tmp_path: Path, footage: Path, name: str) -> None:
    taken = []
    for count in (5, 200):
        with Library.open(tmp_path / str(count), create=True) as library:
            library.order_videos(footage, ordered(footage, count), {})
            with counted() as statements:
                WORK[name](library, footage, count)
            taken.append(len(statements))
    assert taken[0] == taken[1] > 0
