"""What lists and hits show, read from a real library."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from stored_people import add_people, add_video, unit

from app.core.entities import StartSource, VideoStatus
from app.core.errors import NotFoundError, UsageError
from app.core.queries import Hit
from app.services.people.catalog import Catalog
from app.services.people.people import People
from app.storage.library import Library

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", create=True) as opened:
        yield opened


@pytest.fixture
def footage(library: Library) -> Path:
    return library.folder.parent / "footage"


def hit(tracklet_id: int, score: float = 0.5) -> Hit:
    return Hit(tracklet_id, score, score)


def test_cameras_with_their_videos(library: Library, footage: Path) -> None:
    add_video(library, footage / "b.mp4", "cam10")
    done = add_video(library, footage / "c.mp4", "cam2", NOON)
    add_video(library, footage / "a.mp4", "cam10")
    add_people(library, done, [unit(1, 0), unit(0, 1)])
    library.finish_video(done.id, VideoStatus.PARTIAL, problem="It ends early.")
    entries = Catalog(library).cameras()
    assert [entry.camera.name for entry in entries] == ["cam2", "cam10"]
    assert [[v.path.name for v in e.videos] for e in entries] == [["c.mp4"], ["a.mp4", "b.mp4"]]
    (video,) = entries[0].videos
    assert (video.status, video.problem) == (VideoStatus.PARTIAL, "It ends early.")
    assert (video.tracklet_count, video.analysed_fps) == (2, 5.0)
    assert (video.info.start_utc, video.info.start_source) == (NOON, StartSource.FILE_NAME)


def test_details_of_a_hit(library: Library, footage: Path) -> None:
    video = add_video(library, footage / "c.mp4", "cam2", NOON)
    first, second = add_people(
        library, video, [unit(1, 0), unit(0, 1)], times=[(0.0, 0.2), (60.0, 60.2, 61.0)]
    )
    found = Catalog(library).details([hit(second.id, 0.9), hit(first.id, 0.3)])
    assert [(each.rank, each.tracklet_id, each.score) for each in found] == [
        (1, second.id, 0.9),
        (2, first.id, 0.3),
    ]
    details = found[0]
    assert (details.camera, details.video_id) == ("cam2", video.id)
    assert details.video == footage / "c.mp4"
    assert (details.first_time_s, details.last_time_s) == (60.0, 61.0)
    assert details.start_utc == NOON + timedelta(minutes=1)
    assert details.time_source == "file name, raw"
    assert details.box.tolist() == [15, 20, 31, 52]
    assert details.box_time_s == pytest.approx(60.2)
    assert details.thumbnail.is_file()
    assert details.identity is None
    assert details.verdict is None


def test_hit_without_a_clock_and_hit_that_was_deleted(library: Library, footage: Path) -> None:
    kept = add_video(library, footage / "kept.mp4")
    deleted = add_video(library, footage / "deleted.mp4")
    (first,) = add_people(library, deleted, [unit(1, 0)])
    (second,) = add_people(library, kept, [unit(1, 0)])
    library.rewind_video(deleted.id, to_start=True)
    (details,) = Catalog(library).details([hit(first.id), hit(second.id)], first_rank=31)
    assert (details.rank, details.tracklet_id) == (32, second.id)
    assert details.start_utc is None
    assert details.time_source == "unknown, raw"
    assert Catalog(library).details([]) == []


def test_details_tell_who_it_is_and_what_was_decided(library: Library, footage: Path) -> None:
    video = add_video(library, footage / "a.mp4")
    query, same, other, new = add_people(library, video, [unit(1, place) for place in range(4)])
    people = People(library)
    people.name(people.confirm(query.id, same.id).id, "Ann")
    people.reject(query.id, other.id)
    hits = [hit(each.id) for each in (same, other, new)]
    shown = Catalog(library).details(hits, query.id)
    assert [each.identity for each in shown] == ["Ann", None, None]
    assert [each.verdict for each in shown] == ["same", "different", None]
    assert [each.verdict for each in Catalog(library).details(hits)] == [None] * 3


def test_details_show_at_once_what_changed_since_the_last_ones(
    library: Library, footage: Path
) -> None:
    query, one, two = add_people(
        library, add_video(library, footage / "a.mp4"), [unit(1, place) for place in range(3)]
    )
    catalog, people = Catalog(library), People(library)

    def shown() -> list[tuple[str | None, str | None]]:
        found = catalog.details([hit(one.id), hit(two.id)], query.id)
        return [(each.identity, each.verdict) for each in found]

    assert shown() == [(None, None), (None, None)]
    person = people.confirm(query.id, one.id)
    assert shown() == [("Person 1", "same"), (None, None)]
    people.name(person.id, "Ann")
    people.reject(query.id, two.id)
    assert shown() == [("Ann", "same"), (None, "different")]
    people.undo()
    assert shown() == [("Ann", "same"), (None, None)]
    later = add_video(library, footage / "b.mp4", "cam2", NOON)
    (new,) = add_people(library, later, [unit(0, 1)])
    (details,) = catalog.details([hit(new.id)], query.id)
    assert (details.camera, details.start_utc) == ("cam2", NOON)
    library.repoint_source(footage, footage.with_name("moved"))
    assert catalog.details([hit(new.id)])[0].video == footage.with_name("moved") / "b.mp4"


def test_a_page_of_details_is_three_queries_however_large_the_library_is(
    library: Library, footage: Path
) -> None:
    tracklets = []
    for number in range(10):
        video = add_video(library, footage / f"{number}.mp4", f"cam{number}")
        tracklets += add_people(library, video, [unit(1, place) for place in range(30)])
    people, query_id = People(library), tracklets[0].id
    people.confirm(query_id, tracklets[1].id)
    catalog = Catalog(library)
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    def selects(tracklet_ids: list[int]) -> int:
        statements.clear()
        shown = catalog.details([hit(each) for each in tracklet_ids], query_id)
        assert [each.tracklet_id for each in shown] == tracklet_ids
        return sum(statement.startswith("SELECT") for statement in statements)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        first_page = selects([each.id for each in tracklets[:2]])
        assert selects([each.id for each in tracklets[2:]]) == 3
        people.reject(query_id, tracklets[2].id)
        assert selects([each.id for each in tracklets[2:]]) == first_page > 3
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def test_tracklet_rows_are_those_of_the_list(library: Library, footage: Path) -> None:
    video = add_video(library, footage / "a.mp4", start_utc=NOON)
    stored = add_people(
        library, video, [unit(1, 0), unit(0, 1)], times=[(5.0, 5.2, 5.4), (1.0, 1.2)]
    )
    People(library).confirm(stored[0].id, stored[1].id)
    rows = Catalog(library).tracklet_rows(video.id)
    assert [(row.number, row.tracklet_id) for row in rows] == [(1, stored[0].id), (2, stored[1].id)]
    first = rows[0]
    assert (first.first_time_s, first.last_time_s) == (5.0, 5.4)
    assert first.start_utc == NOON + timedelta(seconds=5)
    assert first.box.tolist() == [15, 20, 31, 52]
    assert first.box_time_s == pytest.approx(5.2)
    assert first.score == pytest.approx(0.51), "the detector's, of the thumbnail's frame"
    assert first.thumbnail == stored[0].thumbnail.path
    assert first.identity == "Person 1"
    with pytest.raises(NotFoundError):
        Catalog(library).tracklet_rows(99)


def test_video_is_found_by_what_a_user_types(
    library: Library, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    morning = add_video(library, footage / "morning" / "001.mp4")
    evening = add_video(library, footage / "evening" / "001.mp4")
    other = add_video(library, footage / "evening" / "gate.mp4")
    catalog = Catalog(library)
    footage.mkdir()
    monkeypatch.chdir(footage)
    for text, expected in [
        (str(footage / "morning" / "001.mp4"), morning),
        (footage / "evening" / "001.mp4", evening),
        ("evening/001.mp4", evening),
        ("morning/../evening/001.mp4", evening),
        ("../footage/morning/001.mp4", morning),
        ("footage/morning/001.mp4", morning),
        ("gate.mp4", other),
    ]:
        assert catalog.find_video(text).id == expected.id, text


def test_video_that_is_meant_is_unclear_or_missing(library: Library, footage: Path) -> None:
    catalog = Catalog(library)
    with pytest.raises(NotFoundError, match="no videos yet"):
        catalog.find_video("001.mp4")
    for number in range(20):
        add_video(library, footage / f"day{number}" / "001.mp4")
    with pytest.raises(UsageError, match="001.mp4 could be") as caught:
        catalog.find_video("001.mp4")
    assert "day7" in caught.value.message
    assert "and 12 more" in caught.value.message
    # The end of a name is no name.
    for text in ("1.mp4", "day1", "footage", "", "."):
        with pytest.raises(NotFoundError, match="no video"):
            catalog.find_video(text)


def test_camera_is_found_by_name(library: Library, footage: Path) -> None:
    catalog = Catalog(library)
    with pytest.raises(NotFoundError, match="no cameras yet"):
        catalog.find_camera("gate")
    for number, name in enumerate(["Gate", "gate", "Yard"]):
        add_video(library, footage / f"{number}.mp4", name)
    assert catalog.find_camera("gate").name == "gate"
    assert catalog.find_camera("yard").name == "Yard"
    for name in ("GATE", "roof"):
        with pytest.raises(NotFoundError, match="Gate, gate, Yard"):
            catalog.find_camera(name)


def test_a_page_of_hits_reads_only_its_own_videos(
    library: Library, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = add_video(library, footage / "a.mp4")
    (tracklet,) = add_people(library, video, [unit(1, 0)])
    monkeypatch.setattr(library, "videos", lambda: pytest.fail("all videos were read"))
    (found,) = Catalog(library).details([Hit(tracklet.id, 0.9, 0.9)])
    assert found.video == footage / "a.mp4"
