"""People who stand and sit are told from things that resemble people."""

import cv2
import numpy as np
import pytest

from app.core.entities import Frame
from app.services.ingest.fixed_objects import Stillness

FPS = 5.0
BOX = (140.0, 60.0, 190.0, 190.0)


def scene(seed: int = 0) -> np.ndarray:
    """A wall with some texture, RGB uint8 (240, 320, 3)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 200, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_LINEAR)


def figure(image: np.ndarray, lean_px: float, hand_px: float, *, seated: bool) -> None:
    """Draws a person into BOX: head and trunk lean, a hand moves; the feet stay."""
    shift, scale = 4, 16  # sixteenths of a pixel

    def at(x: float, y: float) -> tuple[int, int]:
        return (round(x * scale), round(y * scale))

    def box(low: tuple[int, int], high: tuple[int, int], colour: tuple[int, int, int]) -> None:
        cv2.rectangle(image, low, high, colour, -1, cv2.LINE_8, shift)

    x1, y1, x2, y2 = BOX
    middle = (x1 + x2) / 2
    if not seated:
        cv2.rectangle(
            image, at(middle - 12, y1 + 65), at(middle + 12, y2), (40, 40, 70), -1, 8, shift
        )
    trunk = middle + 0.6 * lean_px
    cv2.rectangle(
        image, at(trunk - 17, y1 + 22), at(trunk + 17, y1 + 75), (150, 40, 40), -1, 8, shift
    )
    cv2.circle(image, at(middle + lean_px, y1 + 12), 11 * scale, (210, 170, 140), -1, 8, shift)
    cv2.circle(image, at(trunk + 15, y1 + 60 - hand_px), 5 * scale, (210, 170, 140), -1, 8, shift)
    if seated:  # behind a desk
        box(at(x1 - 30, y1 + 72), at(x2 + 30, y2), (120, 100, 80))


def watched(seconds: float, draw, score: float = 0.8, jitter_px: float = 1.5) -> Stillness:
    """What comes of a track at BOX; `draw(image, time_s)` draws what is there."""
    rng = np.random.default_rng(1)
    still = Stillness(np.array(BOX, np.float32), 0.0)
    for index in range(int(seconds * FPS) + 1):
        image = scene()
        draw(image, index / FPS)
        noisy = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
        box = np.array(BOX, np.float32) + rng.normal(0, jitter_px, 4).astype(np.float32)
        still.look(Frame(index, index / FPS, noisy), box, score)
    return still


def person(image: np.ndarray, time_s: float, *, seated: bool) -> None:
    figure(image, 2 * np.sin(0.9 * time_s), 4 + 4 * np.sin(1.7 * time_s), seated=seated)


def mannequin(image: np.ndarray, time_s: float) -> None:
    figure(image, 0, 4, seated=False)


@pytest.mark.parametrize("seconds", [4.0, 20.0])
@pytest.mark.parametrize("seated", [False, True])
@pytest.mark.parametrize("score", [0.45, 0.9])
def test_people_who_stand_and_sit_are_kept(seconds: float, seated: bool, score: float) -> None:
    still = watched(seconds, lambda image, now: person(image, now, seated=seated), score)
    assert not still.moved and not still.is_fixed()


@pytest.mark.parametrize("score", [0.45, 0.9])
def test_a_thing_is_fixed_however_sure_the_detector_is(score: float) -> None:
    assert watched(4.0, mannequin, score).is_fixed()
    assert not watched(2.0, mannequin, score).is_fixed(), "too short to tell"


def test_a_thing_stays_fixed_when_people_pass_and_the_light_changes() -> None:
    def scene_with_passers(image: np.ndarray, time_s: float) -> None:
        mannequin(image, time_s)
        if time_s % 5 < 1.2:
            left = int(100 + 80 * (time_s % 5))
            cv2.rectangle(image, (left, 60), (left + 40, 200), (30, 160, 60), -1)
        np.multiply(image, 1 - 0.01 * time_s, out=image, casting="unsafe")

    assert watched(15.0, scene_with_passers).is_fixed()


def test_what_moves_is_never_fixed() -> None:
    still = Stillness(np.array(BOX, np.float32), 0.0)
    for index in range(30):
        away = 60.0 if 10 <= index < 12 else 0.0
        box = np.array(BOX, np.float32) + np.array([away, 0, away, 0], np.float32)
        still.look(Frame(index, index / FPS, scene()), box, 0.9)
    assert still.moved and not still.is_fixed()


def test_where_the_camera_moves_only_what_is_never_sure_is_fixed() -> None:
    def shaken(image: np.ndarray, time_s: float) -> None:
        mannequin(image, time_s)
        image[:] = np.roll(
            np.random.default_rng(0).integers(0, 255, image.shape), int(7 * time_s), 1
        )

    assert not watched(5.0, shaken, score=0.8).is_fixed()
    assert watched(5.0, shaken, score=0.45).is_fixed()
