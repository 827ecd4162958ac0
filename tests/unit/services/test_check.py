"""Damage that is made on purpose is found, and what is derived is repaired."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from stored_people import EMBEDDER, add_people, add_video, unit

from app.core.entities import ModelFile, Video, VideoStatus
from app.core.errors import ModelError
from app.core.networks import ModelRole
from app.services.check import Damage, check_library
from app.services.people.people import People
from app.services.search.reembed import ReembedProgress
from app.services.search.search import Search
from app.storage.library import Library


class Bench:
    """A library of two finished videos with three tracklets each; the first one's file exists."""

    def __init__(self, library: Library, footage: Path) -> None:
        self.library = library
        footage.mkdir()
        (footage / "a.mp4").write_bytes(b"content")
        self.videos: list[Video] = []
        for name in ("a.mp4", "b.mp4"):
            video = add_video(library, footage / name)
            add_people(library, video, [unit(1, place) for place in range(3)])
            library.finish_video(video.id, VideoStatus.DONE)
            self.videos.append(video)
        library.remember_model("embedder", ModelFile(EMBEDDER, footage / "e.onnx", "0"))
        self.search = Search(library, lambda: EMBEDDER, lambda: None)
        self.made: list[str] = []
        self.changed_networks: set[str] = set()

    def find_network(self, role: ModelRole) -> ModelFile | None:
        if role in self.changed_networks:
            raise ModelError(f"The {role} has changed.", "Put it back.", role)
        return self.library.model(role)

    def make_vectors(self) -> Iterator[ReembedProgress]:
        missing = self.library.tracklets_without_vector(EMBEDDER)
        vectors = np.stack([unit(1, 0) for _ in missing])
        self.library.store_vectors(missing, vectors, EMBEDDER)
        yield ReembedProgress(EMBEDDER, len(missing), 6, None, None)

    def check(self, *, repairs: bool = False, make_vectors=None) -> list[Damage]:
        events = check_library(
            self.library,
            self.search,
            self.find_network,
            make_vectors or self.make_vectors,
            repairs=repairs,
        )
        return [event for event in events if isinstance(event, Damage)]

    def sql(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.library.folder / "library.sqlite")) as connection:
            connection.execute(statement, values)
            connection.commit()

    def repaired(self, *found: str) -> None:
        """Finds exactly this, does not touch it unasked, repairs it, and then finds nothing."""
        for _ in range(2):
            assert [each.what for each in self.check()] == list(found)
        assert [(each.what, each.is_repaired) for each in self.check(repairs=True)] == [
            (what, True) for what in found
        ]
        assert self.check() == []


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Library.open(tmp_path / "library", create=True) as library:
        made = Bench(library, tmp_path / "footage")
        digest = hashlib.sha256(b"content").hexdigest()
        made.sql("UPDATE videos SET content_hash = ? WHERE id = 1", digest)
        made.check(repairs=True)  # notes the size and time of the file
        yield made


def test_a_whole_library_has_no_damage(bench: Bench) -> None:
    assert bench.check() == []


def test_pictures_without_rows_are_deleted(bench: Bench) -> None:
    folder = bench.library.folder / "crops"
    (folder / "1" / "00009_0000001.jpg").write_bytes(b"")
    (folder / "77").mkdir()
    (folder / "77" / "00001_0000001.jpg").write_bytes(b"")
    (folder / "1" / "notes.txt").write_text("the user's own")
    bench.repaired("2 picture files without a row.")
    assert (folder / "1" / "notes.txt").exists()


def test_whom_a_sighting_shows_is_what_was_decided(bench: Bench) -> None:
    one, two, three = (each.id for each in bench.library.tracklets_of(bench.videos[0].id))
    people = People(bench.library)
    people.confirm(one, two)
    people.confirm(two, three)
    people.undo()
    stranger = bench.library.create_identity("Somebody else")
    before = bench.library.identity_ids([one, two, three])
    bench.sql("UPDATE tracklets SET identity_id = NULL WHERE id = ?", one)
    bench.sql("UPDATE tracklets SET identity_id = ? WHERE id = ?", stranger.id, three)
    bench.repaired("2 sightings of another person than decided.")
    assert bench.library.identity_ids([one, two, three]) == before


def test_a_network_that_is_not_the_librarys_is_told(bench: Bench) -> None:
    bench.changed_networks |= {"embedder", "reranker"}  # the library names no re-ranker
    (damage,) = bench.check(repairs=True)
    assert damage == Damage("The embedder has changed.", remedy="Put it back.")


def test_a_damaged_crop_makes_way_for_another_of_its_tracklet(bench: Bench) -> None:
    tracklet = bench.library.tracklets_of(1)[0]
    good, bad = "crops/1/00001_0000099.jpg", tracklet.thumbnail.path
    (bench.library.folder / good).write_bytes(bad.read_bytes())
    bench.sql(
        "INSERT INTO crops (tracklet_id, relative_path, frame_index, time_s, box, quality, is_best)"
        " SELECT tracklet_id, ?, 99, 4.0, box, 0.1, 0 FROM crops WHERE tracklet_id = ?",
        good,
        tracklet.id,
    )
    bad.write_bytes(b"no picture")
    (found,) = bench.check()
    assert found.what == "1 crop whose picture is missing or damaged."
    assert [each.is_repaired for each in bench.check(repairs=True)] == [True, True]
    assert bench.check() == []
    assert bench.library.tracklet(tracklet.id).thumbnail.path.name == "00001_0000099.jpg"


def test_a_tracklet_without_any_picture_is_told(bench: Bench) -> None:
    bench.library.tracklets_of(2)[0].thumbnail.path.unlink()
    for repairs in (False, True):
        (found,) = bench.check(repairs=repairs)
        assert (found.is_repaired, found.remedy) == (False, "Ingest their videos again.")
    assert len(bench.library.tracklets_of(2)) == 3  # nothing that was recorded is lost


def test_vectors_without_numbers_are_made_anew(bench: Bench) -> None:
    nothing = np.full(2, np.nan, "<f4").tobytes()
    bench.sql("UPDATE embeddings SET vector = ? WHERE tracklet_id = 2", nothing)
    bench.sql("UPDATE embeddings SET vector = ? WHERE tracklet_id = 3", b"short")
    bench.sql("DELETE FROM embeddings WHERE tracklet_id = 4")
    found = bench.check(repairs=True)
    assert [(each.what, each.is_repaired) for each in found] == [
        ("2 vectors without meaning.", True),
        ("3 sightings without a vector of the library's embedder.", True),
    ]
    assert bench.check() == []
    assert bench.library.vector(2, EMBEDDER).tolist() == unit(1, 0).tolist()


def test_vectors_that_cannot_be_made_anew_say_why(bench: Bench) -> None:
    def none() -> Iterator[ReembedProgress]:
        raise ModelError("e.onnx is missing.", "Install it.", "embedder")
        yield

    bench.sql("DELETE FROM embeddings WHERE tracklet_id = 4")
    found, _index = bench.check(repairs=True, make_vectors=none)
    assert (found.is_repaired, found.remedy) == (False, "e.onnx is missing. Install it.")


def test_an_index_that_differs_is_built_anew(bench: Bench) -> None:
    assert len(bench.search.index) == 6
    bench.sql("DELETE FROM tracklets WHERE id = 4")
    bench.sql("DELETE FROM crops WHERE tracklet_id = 4")
    bench.sql("DELETE FROM trajectories WHERE tracklet_id = 4")
    bench.sql("DELETE FROM embeddings WHERE tracklet_id = 4")
    for path in bench.library.folder.glob("crops/2/00001_*"):
        path.unlink()
    bench.repaired("The index differs from the library.")
    assert len(bench.search.index) == 5


def test_unfinished_videos_that_do_not_wait_are_queued(bench: Bench) -> None:
    bench.sql("UPDATE videos SET status = 'ingesting' WHERE id = 2")
    bench.repaired("1 unfinished video that does not wait.")
    assert bench.library.queued_ids() == [2]


def test_footage_that_was_replaced_is_told_and_one_that_was_copied_is_not(bench: Bench) -> None:
    path = bench.library.video(1).path
    path.write_bytes(b"content")  # another time, the same content
    assert bench.check() == []
    path.write_bytes(b"another")
    (found,) = bench.check(repairs=True)
    assert (found.what, found.is_repaired) == (
        f"{path} no longer has the content that was read.",
        False,
    )


def test_a_broken_database_is_told(bench: Bench) -> None:
    bench.sql("PRAGMA foreign_keys = OFF")
    bench.sql("UPDATE tracklets SET identity_id = 99 WHERE id = 1")
    (found,) = bench.check(repairs=True)
    assert found.what == (
        "The database is damaged: a row of tracklets refers to a missing row of identities."
    )
