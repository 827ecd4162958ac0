import cv2
import numpy as np
import pytest

from trainer.detection.collages import CollageSettings
from trainer.detection.data_set import DataSettings, prepare
from trainer.detection.detectors import People
from trainer.detection.evaluation import REAL, RENDERED, compare, judged_pictures
from trainer.detection.frames import find_sources, pictures_of, read_picture
from trainer.detection.teaching import Doubt, read_labels
from trainer.errors import TrainerError


class Fixed:
    """Finds the same person in each picture, and counts how often it is asked."""

    def __init__(self, box=(10, 16, 22, 48), score=0.9):
        self.answer = People(np.array([box], np.float32), np.array([score], np.float32))
        self.asked = 0

    def find(self, image):
        self.asked += 1
        return self.answer


def settings_of(scenes, video, **changes):
    values = {
        "scenes": (scenes,), "frames": (video,), "teacher": video, "hold_out": ("world002",),
    }  # fmt: skip
    return DataSettings(**values | changes)


def test_one_frame_of_every_second_at_moments_that_the_seed_chooses(video):
    (source,) = find_sources((video.parent,))
    first, again, other = (list(pictures_of(source, 1.0, seed)) for seed in (0, 0, 1))
    assert len(first) == 3
    assert [name for name, _ in first] == [name for name, _ in again]
    assert [name for name, _ in first] != [name for name, _ in other]
    for name, image in first:  # the picture's brightness is its time
        assert abs(int(image.mean()) - 80 * int(name.rsplit("_", 1)[1]) / 1000) < 6


def test_prepare_divides_labels_and_continues(scenes, video, tmp_path):
    settings, out, teacher = settings_of(scenes, video), tmp_path / "out", Fixed()
    last = list(prepare(settings, out, teacher))[-1]
    assert (last.kept, last.left_out, teacher.asked) == (11, 0, 3)
    train = sorted(file.stem for file in (out / "labels" / "train").iterdir())
    held = sorted(file.stem for file in (out / "labels" / "val").iterdir())
    assert len(train) == 7
    assert len(held) == 4
    assert all("world002" in stem for stem in held)
    assert train == sorted(file.stem for file in (out / "images" / "train").iterdir())
    label = next((out / "labels" / "train").glob("yard-cam1*"))
    np.testing.assert_allclose(read_labels(label, (96, 64)), [[10, 16, 22, 48]], atol=0.01)
    label.unlink()
    list(prepare(settings, out, teacher))
    assert teacher.asked == 4
    with pytest.raises(TrainerError, match="other settings"):
        list(prepare(settings_of(scenes, video, seed=1), out, teacher))


def test_doubtful_pictures_are_left_out(scenes, video, tmp_path):
    teacher = Fixed((0, 0, 90, 60), 0.3)
    last = list(prepare(settings_of(scenes, video), tmp_path / "out", teacher))[-1]
    assert (last.kept, last.left_out) == (8, 3)


@pytest.mark.parametrize(
    ("hold_out", "message"),
    [(("nobody",), "called nobody"), (("scenes", "yard"), "All is held out"), ((), "Nothing is")],
)
def test_what_cannot_be_held_out_is_told(scenes, video, tmp_path, hold_out, message):
    with pytest.raises(TrainerError, match=message):
        list(prepare(settings_of(scenes, video, hold_out=hold_out), tmp_path / "out", Fixed()))


def test_a_broken_video_is_told(tmp_path):
    file = tmp_path / "broken.mp4"
    file.write_bytes(b"no video at all")
    with pytest.raises(TrainerError, match="cannot be read as a video"):
        list(pictures_of(find_sources((file,))[0], 1.0, 0))


def test_real_and_rendered_pictures_are_judged_apart(scenes, video):
    pictures = judged_pictures((video,), (scenes,), Fixed(), 1.0, 0, Doubt())
    *counts, results = compare({"same": Fixed(), "far": Fixed((60, 0, 70, 9))}, pictures, 0.25)
    assert counts == list(range(1, 12))
    table = {(one.detector, one.pictures): one for one in results}
    assert table["same", REAL].accuracy[:2] == (1.0, 1.0)
    assert table["far", REAL].accuracy[:2] == (0.0, 0.0)
    assert table["same", RENDERED].accuracy[:2] == (0.25, 0.25)  # at frame 1 of each world
    assert table["same", RENDERED].frames == 8


def test_crops_are_laid_into_training_pictures(scenes, video, tmp_path):
    crops = tmp_path / "crops"
    crops.mkdir()
    for number in range(3):
        cv2.imwrite(str(crops / f"{number}.png"), np.full((32, 16, 3), (0, 0, 255), np.uint8))
    made = CollageSettings((crops,), 5)
    settings = settings_of(scenes, video, frames=(), teacher=None, collages=made)
    last = list(prepare(settings, tmp_path / "out", None))[-1]
    assert last.kept == 8 + 5
    files = sorted((tmp_path / "out" / "images" / "train").glob("collage-*.jpg"))
    assert len(files) == 5
    people = red = 0
    for file in files:
        picture = read_picture(file)
        boxes = read_labels(tmp_path / "out" / "labels" / "train" / f"{file.stem}.txt", (96, 64))
        assert (boxes[:, :2] >= -0.01).all() and (boxes[:, 2:] <= (96.01, 64.01)).all()
        for x, y in (boxes[:, :2] + boxes[:, 2:]) / 2:
            people += 1
            r, g, b = picture[int(y), int(x)].astype(int)
            red += r > g + 60 and r > b + 60
    assert red >= 5  # each collage has one or more; the rest are the bars of the scenes
    assert people - red <= 5
    before = [file.read_bytes() for file in files]
    list(prepare(settings, tmp_path / "out", None))
    assert before == [file.read_bytes() for file in files]


def test_windows_are_cut_of_every_source(scenes, video, tmp_path):
    # Of the video 5 are cut, of the world that is held out 1, of the other world 5.
    settings, teacher = settings_of(scenes, video, windows=5), Fixed()
    out = tmp_path / "out"
    last = list(prepare(settings, out, teacher))[-1]
    assert (last.kept, teacher.asked) == (11 + 5 + 1 + 5, 3 + 5)
    names = {split: [one.stem for one in (out / "labels" / split).glob("*-w[0-9]*")]
             for split in ("train", "val")}  # fmt: skip
    assert len([name for name in names["train"] if name.startswith("yard-cam1")]) == 5
    assert len([name for name in names["train"] if "world001" in name]) == 5
    assert ["world002" in name for name in names["val"]] == [True]
    before = {file: file.read_bytes() for file in out.rglob("*.*")}
    assert list(prepare(settings, out, teacher))[-1].kept == 22
    assert teacher.asked == 8
    assert before == {file: file.read_bytes() for file in out.rglob("*.*")}


def test_of_a_still_camera_the_place_without_people_and_windows_of_it_are_learnt(scenes, tmp_path):
    """What the teacher takes for a person in the empty place is one in no picture of it."""
    place = np.random.default_rng(0).integers(90, 120, (240, 320, 3)).astype(np.uint8)
    (tmp_path / "yard").mkdir()
    for number in range(9):
        picture = place.copy()
        picture[80:200, 30 * number : 30 * number + 30] = 255
        cv2.imwrite(str(tmp_path / "yard" / f"{number}.png"), picture)
    teacher = Fixed(box=(40, 50, 80, 170), score=0.6)
    settings = settings_of(scenes, tmp_path / "yard", windows=4, medians=True)
    list(prepare(settings, tmp_path / "out", teacher))
    folder = tmp_path / "out" / "labels" / "train"
    medians = sorted(file.stem for file in folder.glob("*_median*"))
    assert len(medians) == 1 + 4
    shown = read_picture(tmp_path / "out" / "images" / "train" / f"{medians[0]}.jpg")
    assert np.abs(shown.astype(int) - place).mean() < 10
    whole = list(folder.glob("*yard*_[0-9].txt"))
    assert len(whole) == 9
    assert {file.read_text() for file in [*whole, *folder.glob("*_median*")]} == {""}


def test_of_a_video_without_people_the_teacher_is_not_asked(scenes, video, tmp_path):
    settings, teacher = settings_of(scenes, video, windows=2, nobody=(video.stem,)), Fixed()
    list(prepare(settings, tmp_path / "out", teacher))
    assert teacher.asked == 0
    labels = list((tmp_path / "out" / "labels" / "train").glob("yard-cam1*"))
    assert len(labels) == 3 + 2
    assert all(label.read_text() == "" for label in labels)
    with pytest.raises(TrainerError, match="nothere"):
        list(prepare(settings_of(scenes, video, nobody=("nothere",)), tmp_path / "b", teacher))


def test_a_folder_without_crops_is_told(scenes, video, tmp_path):
    (tmp_path / "none").mkdir()
    settings = settings_of(scenes, video, collages=CollageSettings((tmp_path / "none",), 1))
    with pytest.raises(TrainerError, match="holds no crops"):
        list(prepare(settings, tmp_path / "out", Fixed()))
