from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.core.entities import Identity
from app.core.errors import NotFoundError
from app.core.journal import Decision, IdentityChanges, PersonEdit, UndoState
from app.storage.library import Library

NOON = datetime(2024, 6, 1, 12, 0, 0, 250000, UTC)


def rows(library: Library, query: str) -> list[tuple]:
    with closing(sqlite3.connect(library.folder / "library.sqlite")) as connection:
        return connection.execute(query).fetchall()


def decide(
    library: Library,
    one: int,
    other: int,
    verdict: str = "same",
    when: datetime = NOON,
    moved: dict[int, tuple[int | None, int | None]] | None = None,
) -> Decision:
    decision = Decision(one, other, verdict, when)
    library.record_decision(decision, IdentityChanges(moved or {}))
    return decision


def edit(library: Library, identity_id: int, what: str, before: str, after: str) -> PersonEdit:
    made = PersonEdit(identity_id, what, NOON)
    edited = {(identity_id, what): (before, after)}
    library.record_decision(made, IdentityChanges({}, edited=edited))
    return made


@pytest.fixture
def three(add_video, store) -> list[int]:
    tracklets = store(add_video(), (1, 0.0), (2, 1.0), (3, 2.0))
    return [tracklet.id for tracklet in tracklets]


def test_people_are_named_and_renamed(library: Library) -> None:
    assert library.identities() == []
    tenth = library.create_identity("Person 10")
    second = library.create_identity("Person 2")
    assert library.identities() == [second, tenth]
    edit(library, tenth.id, "name", "Person 10", "Anna Ødegård")
    assert library.identities() == [Identity(tenth.id, "Anna Ødegård"), second]
    assert library.identity(tenth.id).name == "Anna Ødegård"


def test_a_decision_moves_tracklets_between_people(library: Library, three: list[int]) -> None:
    anna, ben = library.create_identity("Anna"), library.create_identity("Ben")

    def who() -> list[int | None]:
        return [tracklet.identity_id for tracklet in library.tracklets(three)]

    one, two, other = three
    decide(library, one, two, moved=dict.fromkeys(three, (None, anna.id)))
    assert who() == [anna.id] * 3
    moved = {two: (anna.id, ben.id), other: (anna.id, None), 999: (None, ben.id)}
    decide(library, one, two, "different", moved=moved)
    assert who() == [anna.id, ben.id, None]
    assert library.identity_ids({*three, 999}) == dict(zip(three, who(), strict=True))


def test_another_revision_after_each_change_and_only_then(
    library: Library, three: list[int]
) -> None:
    before = library.revision
    library.tracklets(three)
    library.identities()
    with pytest.raises(NotFoundError):
        decide(library, three[0], 999)
    assert library.revision == before
    seen = {before}
    for name in ("Anna", "Ben"):
        library.create_identity(name)
        assert library.revision not in seen
        seen.add(library.revision)


def test_unknown_people_are_told(library: Library, three: list[int]) -> None:
    with pytest.raises(NotFoundError, match="no person 5"):
        decide(library, *three[:2], moved={three[0]: (None, 5)})
    assert library.decisions() == []
    with pytest.raises(NotFoundError, match="no person 5"):
        edit(library, 5, "name", "", "Anna")


def test_a_deleted_person_leaves_the_tracklets(library: Library, three: list[int]) -> None:
    anna = library.create_identity("Anna").id
    decide(library, *three[:2], moved=dict.fromkeys(three, (None, anna)))
    with library._database.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM identities")
    assert [tracklet.identity_id for tracklet in library.tracklets(three)] == [None] * 3


def test_decisions_come_back_in_the_order_they_were_made(
    library: Library, three: list[int]
) -> None:
    one, two, other = three
    first = decide(library, one, two, when=NOON + timedelta(seconds=1))
    tokyo = timezone(timedelta(hours=9))
    second = decide(library, other, one, "different", NOON.astimezone(tokyo))  # clock set back
    assert library.decisions() == [first, second]
    assert library.decisions()[1].decided_utc.utcoffset() == timedelta(0)


def test_the_last_word_counts_in_whichever_order(library: Library, three: list[int]) -> None:
    one, two, other = three
    decide(library, one, two)
    decide(library, one, other)
    decide(library, two, one, "different")
    assert [(d.tracklet_id, d.other_id, d.verdict) for d in library.decisions()] == [
        (one, other, "same"),
        (two, one, "different"),
    ]


def test_undone_decisions_can_be_redone_until_another_is_made(
    library: Library, three: list[int]
) -> None:
    one, two, other = three
    anna = library.create_identity("Anna").id
    first = decide(library, one, two, moved={one: (None, anna), two: (None, anna)})
    second = decide(library, two, one, "different", moved={two: (anna, None)})
    assert library.undo_state() == UndoState(second, None)
    assert library.undo_decision() == second
    assert library.decisions() == [first]  # the earlier word holds again
    assert library.identity_ids(three) == {one: anna, two: anna, other: None}
    assert library.undo_decision() == first
    assert library.undo_decision() is None
    assert library.undo_state() == UndoState(None, first)
    assert library.redo_decision() == first
    assert library.identity_ids(three) == {one: anna, two: anna, other: None}
    third = decide(library, one, other, "different")
    assert library.redo_decision() is None
    assert library.undo_state() == UndoState(third, None)
    assert rows(library, "SELECT state FROM decisions ORDER BY id") == [
        ("stands",),
        ("dropped",),
        ("stands",),
    ]


def test_changes_of_a_person_are_undone_in_their_turn(library: Library, three: list[int]) -> None:
    anna = library.create_identity("Anna").id
    said = decide(library, *three[:2], moved={three[0]: (None, anna)})
    noted = edit(library, anna, "notes", "", "red hat")
    named = edit(library, anna, "name", "Anna", "Ben")
    assert library.identity(anna) == Identity(anna, "Ben", notes="red hat")
    assert library.decisions() == [said]
    assert library.undo_decision() == named
    assert library.identity(anna) == Identity(anna, "Anna", notes="red hat")
    assert library.undo_decision() == noted
    assert library.undo_state() == UndoState(said, noted)
    assert library.identity(anna) == Identity(anna, "Anna")
    assert library.redo_decision() == noted
    assert library.identity(anna) == Identity(anna, "Anna", notes="red hat")


def test_several_writes_are_one_transaction(library: Library, three: list[int]) -> None:
    before = library.revision
    with pytest.raises(ZeroDivisionError), library.transaction():
        library.create_identity("Anna")
        decide(library, *three[:2])
        assert [each.name for each in library.identities()] == ["Anna"]  # seen inside
        raise ZeroDivisionError
    assert (library.identities(), library.decisions()) == ([], [])
    assert library.revision == before
    with library.transaction():
        library.create_identity("Ben")
        with pytest.raises(NotFoundError):
            decide(library, three[0], 999)
        decide(library, *three[:2])
        assert library.revision == before
    assert [each.name for each in library.identities()] == ["Ben"]
    assert len(library.decisions()) == 1
    assert library.revision != before


def test_crops_stay_when_the_transaction_that_deletes_them_fails(
    library: Library, three: list[int]
) -> None:
    video = library.videos()[0]
    path = library.tracklet(three[0]).thumbnail.path
    with pytest.raises(ZeroDivisionError), library.transaction():
        library.rewind_video(video.id, to_start=True)
        assert library.tracklets(three) == []
        raise ZeroDivisionError
    assert path.exists()
    assert len(library.tracklets(three)) == 3
    with library.transaction():
        library.rewind_video(video.id, to_start=True)
        assert path.exists()
    assert not path.exists()


def test_decisions_about_nobody_are_refused(library: Library, three: list[int]) -> None:
    with pytest.raises(NotFoundError, match="no tracklet 999"):
        decide(library, three[0], 999)
    with pytest.raises(ValueError, match="itself"):
        decide(library, three[0], three[0])
    assert library.decisions() == []


def test_a_refused_decision_keeps_the_one_before(library: Library, three: list[int]) -> None:
    before = decide(library, three[0], three[1])
    with pytest.raises(Exception, match="needs a time zone"):
        decide(library, three[1], three[0], "different", NOON.replace(tzinfo=None))
    assert library.decisions() == [before]


def test_a_decision_outlives_its_tracklets(
    library: Library, three: list[int], add_video, store
) -> None:
    other = store(add_video("b.mp4", content="content of b"), (1, 7.0))[0]
    decide(library, three[0], other.id)
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
    anna = library.create_identity("Anna").id
    decide(library, *three[:2], moved=dict.fromkeys(three, (None, anna)))
    library.rewind_video(library.videos()[0].id, to_start=True)
    for table in ("tracklets", "trajectories", "crops", "embeddings"):
        assert rows(library, f"SELECT count(*) FROM {table}") == [(0,)]
    assert len(library.identities()) == 1
    assert rows(library, "PRAGMA foreign_key_check") == []
