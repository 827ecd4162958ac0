"""``people``: judging, merging, splitting and taking back on the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.rendered import render_world


class Desk:
    """A copy of a library, and the command on it."""

    def __init__(self, retrace: Retrace, library: Path) -> None:
        self._retrace, self.at = retrace, ("--library", library)

    def __call__(self, *arguments: object) -> Any:
        return self._retrace("people", *arguments, *self.at)

    def answer(self, *arguments: object) -> dict[str, Any]:
        said = self(*arguments, "--json")
        assert said.status == 0, said.err
        found: dict[str, Any] = json.loads(said.out)
        return found

    def everybody(self) -> dict[str, list[int]]:
        return {each["name"]: each["tracklet_ids"] for each in self.answer("list")["people"]}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people, each in two cameras; no test changes it."""
    folder = tmp_path_factory.mktemp("loaded")
    render_world(seed=3, people=4, crossing_s=2.0).write(folder / "videos")
    for _ in main_job.use_stand_ins():
        main_job.ingest(folder / "library", folder / "videos", main_job.weights(folder))
    return folder / "library"


@pytest.fixture(autouse=True)
def _stand_ins() -> Iterator[None]:
    yield from main_job.use_stand_ins()


@pytest.fixture
def desk(retrace: Retrace, library: Path, tmp_path: Path) -> Desk:
    mine = tmp_path / "library"
    shutil.copytree(library, mine)
    return Desk(retrace, mine)


def test_people_are_built_merged_and_split_and_it_is_all_taken_back(desk: Desk) -> None:
    ann = desk.answer("judge", "Ann", "--yes", 1, "--yes", 5, "--no", 2, "--maybe", 3)
    assert (ann["name"], ann["tracklet_ids"]) == ("Ann", [1, 5])
    desk.answer("mark", "ann", "--colour", "#C03060", "--notes", "red hat")
    assert desk.answer("judge", "Bert", "--yes", 4, "--yes", 8)["tracklet_ids"] == [4, 8]
    assert "Bert is now Ann." in desk("merge", "Ann", "Bert", "--anyway").err
    assert desk.everybody() == {"Ann": [1, 4, 5, 8]}
    assert desk.answer("split", "Ann", "--tracklet", 8, "--into", "Cy")["tracklet_ids"] == [8]
    desk.answer("remove", "Ann", "--tracklet", 4)
    assert desk.everybody() == {"Ann": [1, 5], "Cy": [8]}
    assert "to undo this: people undo" in desk("delete", "Cy").err
    assert desk.answer("undo") == {"done": True}
    assert desk.everybody() == {"Ann": [1, 5], "Cy": [8]}
    assert desk("redo").out == "Redone.\n"
    assert desk("redo").out == "There is nothing to redo.\n"
    (left,) = desk.answer("list")["people"]
    assert (left["colour"], left["notes"]) == ("#c03060", "red hat")
    assert "red hat" in desk("list").out


def test_a_thing_is_left_out_until_it_is_taken_back(desk: Desk, retrace: Retrace) -> None:
    def found() -> set[int]:
        said = retrace("search", "--tracklet", 1, *desk.at, "--json")
        return {hit["tracklet_id"] for hit in json.loads(said.out)["hits"]}

    before = found()
    assert desk.answer("not-a-person", 2, 3) == {"changed": [2, 3], "not_people": [2, 3]}
    assert found() == before - {2, 3}
    assert "1 sighting is changed." in desk("not-a-person", 2, "--back").err
    assert desk("not-a-person").out == "3\n"
    assert desk.answer("undo") == {"done": True}
    assert desk("not-a-person").out == "2, 3\n"
    assert "There is no tracklet 99" in desk("not-a-person", 99).err


def test_a_sighting_is_split_and_joined_again(desk: Desk, retrace: Retrace) -> None:
    def seen() -> dict[int, tuple[float, float]]:
        said = json.loads(retrace("list", *desk.at, "--json").out)
        return {
            each["tracklet_id"]: (each["first_time_s"], each["last_time_s"])
            for video in said["videos"]
            for each in video["tracklets"]
        }

    before = seen()
    first_s, last_s = before[1]
    half_s = (first_s + last_s) / 2
    answer = desk.answer("split-sighting", 1, "--time", half_s)
    new = answer["new_tracklet_id"]
    assert answer["tracklet_id"] == 1 and new not in before
    after = seen()
    (begin_s, cut_s), (again_s, end_s) = sorted([after[1], after[new]])
    assert (begin_s, end_s) == (first_s, last_s) and cut_s < half_s <= again_s
    found = json.loads(retrace("search", "--tracklet", new, *desk.at, "--json").out)
    assert 1 in {hit["tracklet_id"] for hit in found["hits"]}
    assert desk.answer("undo") == {"done": True}
    assert seen() == before
    assert "cannot be split" in desk("split-sighting", 1, "--time", last_s + 9).err


def test_whoever_was_rejected_is_not_meant_when_the_person_is_searched(
    desk: Desk, retrace: Retrace
) -> None:
    desk("judge", "Ann", "--yes", 1, "--yes", 5, "--no", 2)
    said = retrace("search", "--person", "Ann", *desk.at, "--json")
    assert json.loads(said.out)["query"]["rejected"] == [2]
    desk("judge", "Ann", "--undecided", 2)
    said = retrace("search", "--person", "Ann", *desk.at, "--json")
    assert json.loads(said.out)["query"]["rejected"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("judge", "Bert", "--yes", 3), "To begin a person, give at least two tracklets"),
        (("judge", "Bert", "--yes", 3, "--yes", 5), "Tracklet 5 already belongs to Ann."),
        (("judge", "Ann", "--yes", 2), "shows both at once"),
        (("merge", "Ann", "Bert"), 'Nobody in this library is named "Bert".'),
        (("split", "Ann", "--tracklet", 3), "Ann has no sighting 3."),
        (("mark", "Ann"), "Give --colour, --notes, or both."),
        (("mark", "Ann", "--colour", "red"), "red is not a colour."),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    desk: Desk, arguments: tuple[object, ...], said: str
) -> None:
    desk("judge", "Ann", "--yes", 1, "--yes", 5)
    answer = desk(*arguments)
    assert answer.status != 0 and said in answer.err
    assert desk.everybody() == {"Ann": [1, 5]}
