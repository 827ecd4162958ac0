from __future__ import annotations

import pytest

from app.core.frame_names import FrameName, frame_name, sequences


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("c1s1_001051.jpg", FrameName("c1s1_", 1051)),
        ("000001.JPG", FrameName("", 1)),
        ("frame-12.jpeg", FrameName("frame-", 12)),
        ("20240514_103207.png", FrameName("20240514_", 103207)),
    ],
)
def test_frames_are_split(name: str, expected: FrameName) -> None:
    assert frame_name(name) == expected


@pytest.mark.parametrize(
    "name",
    ["0001_c1s1_001051_00.jpg", "-1_c3s2_000123_05.jpg", "0004_c1s1_000012.jpg",
     "0005_c2_f0046985.jpg", "frame.jpg", "frame_1.mp4", ".frame_1.jpg", "notes 1.txt"],
)  # fmt: skip
def test_crops_and_other_files_are_no_frames(name: str) -> None:
    assert frame_name(name) is None


def test_frames_are_ordered_by_number_not_by_name() -> None:
    found = sequences(["f10.jpg", "f9.jpg", "f100.jpg"])
    assert found == {"f": ["f9.jpg", "f10.jpg", "f100.jpg"]}


def test_each_prefix_is_a_sequence_and_single_pictures_are_none() -> None:
    found = sequences(["a_1.jpg", "b_1.jpg", "a_2.jpg", "b_5.jpg", "single_1.jpg", "plan.png"])
    assert found == {"a_": ["a_1.jpg", "a_2.jpg"], "b_": ["b_1.jpg", "b_5.jpg"]}


def test_equal_numbers_are_one_frame() -> None:
    assert sequences(["a1.jpg", "a01.png"]) == {}
    assert sequences(["a1.jpg", "a01.png", "a2.jpg"]) == {"a": ["a01.png", "a2.jpg"]}
