from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from app.core.entities import Decision, Identity
from app.core.errors import NotFoundError
from app.storage.library import Library

NOON = datetime(2024, 6, 1, 12, 0, 0, 250000, UTC)


def rows(library: Library, query: str) -> list[tuple]:
    with closing(sqlite3.connect(library.folder / "library.sqlite")) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def three(add_video, store) -> list[int]:
    tracklets = store(add_video(), (1, 0.0), (2, 1.0), (3, 2.0))
    return [tracklet.id for tracklet in tracklets]


def test_people_are_named_and_renamed(library: Library) -> None:
    assert library.identities() == []
    tenth = library.create_identity("Person 10")
    second = library.create_identity("Person 2")
    assert library.identities() == [second, tenth]
    assert library.rename_identity(tenth.id, "Anna Ødegård") == Identity(tenth.id, "Anna Ødegård")
    assert library.identities() == [Identity(tenth.id, "Anna Ødegård"), second]


def test_tracklets_are_assigned_to_people(library: Library, three: list[int]) -> None:
    anna, ben = library.create_identity("Anna"), library.create_identity("Ben")

    def who() -> list[int | None]:
        return [tracklet.identity_id for tracklet in library.tracklets(three)]

    library.assign_identity(np.array(three), anna.id)
    assert who() == [anna.id] * 3
    library.assign_identity([three[1], 999], ben.id)
    library.assign_identity([three[2]], None)
    assert who() == [anna.id, ben.id, None]
    assert library.identity_ids({*three, 999}) == dict(zip(three, who(), strict=True))


def test_another_revision_after_each_change_and_only_then(
    library: Library, three: list[int]
) -> None:
    before = library.revision
    library.tracklets(three)
    library.identities()
    with pytest.raises(NotFoundError):
        library.assign_identity(three, 5)
    assert library.revision == before
    seen = {before}
    for name in ("Anna", "Ben"):
        library.create_identity(name)
        assert library.revision not in seen
        seen.add(library.revision)


def test_unknown_people_are_told(library: Library, three: list[int]) -> None:
    with pytest.raises(NotFoundError, match="no person 5"):
        library.assign_identity(three, 5)
    with pytest.raises(NotFoundError, match="no person 5"):
        library.rename_identity(5, "Anna")


def test_a_deleted_person_leaves_the_tracklets(library: Library, three: list[int]) -> None:
    library.assign_identity(three, library.create_identity("Anna").id)
    with library._database.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM identities")
    assert [tracklet.identity_id for tracklet in library.tracklets(three)] == [None] * 3


def test_decisions_come_back_in_the_order_they_were_made(
    library: Library, three: list[int]
) -> None:
    one, two, other = three
    later = Decision(one, two, "same", NOON + timedelta(seconds=1))
    tokyo = timezone(timedelta(hours=9))
    earlier = Decision(other, one, "different", NOON.astimezone(tokyo))
    library.record_decision(later)
    library.record_decision(earlier)
    assert library.decisions() == [earlier, later]
    assert library.decisions()[0].decided_utc.utcoffset() == timedelta(0)


def test_the_last_word_counts_in_whichever_order(library: Library, three: list[int]) -> None:
    one, two, other = three
    library.record_decision(Decision(one, two, "same", NOON))
    library.record_decision(Decision(one, other, "same", NOON))
    library.record_decision(Decision(two, one, "different", NOON + timedelta(minutes=1)))
    assert [(d.tracklet_id, d.other_id, d.verdict) for d in library.decisions()] == [
        (one, other, "same"),
        (two, one, "different"),
    ]


def test_decisions_are_taken_back_in_whichever_order(library: Library, three: list[int]) -> None:
    one, two, other = three
    library.record_decision(Decision(one, two, "same", NOON))
    library.record_decision(Decision(one, other, "same", NOON))
    library.delete_decision(two, one)
    library.delete_decision(two, other)  # nothing was said of these
    assert [(d.tracklet_id, d.other_id) for d in library.decisions()] == [(one, other)]


def test_decisions_about_nobody_are_refused(library: Library, three: list[int]) -> None:
    with pytest.raises(NotFoundError, match="no tracklet 999"):
        library.record_decision(Decision(three[0], 999, "same", NOON))
    with pytest.raises(ValueError, match="itself"):
        library.record_decision(Decision(three[0], three[0], "same", NOON))
    assert library.decisions() == []


def test_a_refused_decision_keeps_the_one_before(library: Library, three: list[int]) -> None:
    before = Decision(three[0], three[1], "same", NOON)
    library.record_decision(before)
    naive = Decision(three[1], three[0], "different", NOON.replace(tzinfo=None))
    with pytest.raises(Exception, match="needs a time zone"):
        library.record_decision(naive)
    assert library.decisions() == [before]


def test_a_decision_outlives_its_tracklets(
    library: Library, three: list[int], add_video, store
) -> None:
    other = store(add_video("b.mp4", content="content of b"), (1, 7.0))[0]
    library.record_decision(Decision(three[0], other.id, "same", NOON))
    anchor = library.tracklet(other.id).thumbnail
    library.rewind_video(other.video_id, to_start=True)
    assert library.decisions() == []  # nothing that could be shown
    ((tracklet_id, other_id, verdict, content, time_s, box),) = rows(
        library,
        "SELECT tracklet_id, other_id, verdict, other_content_hash, other_time_s, other_box "
        "FROM decisions",
    )
    assert (tracklet_id, other_id, verdict) == (three[0], None, "same")
    assert (content, time_s) == ("content of b", anchor.time_s)
    assert box == anchor.box.tobytes()


def test_deleting_tracklets_leaves_no_rows_behind(library: Library, three: list[int]) -> None:
    library.assign_identity(three, library.create_identity("Anna").id)
    library.rewind_video(library.videos()[0].id, to_start=True)
    for table in ("tracklets", "trajectories", "crops", "embeddings"):
        assert rows(library, f"SELECT count(*) FROM {table}") == [(0,)]
    assert len(library.identities()) == 1
    assert rows(library, "PRAGMA foreign_key_check") == []
