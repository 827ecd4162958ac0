"""ByteTrack with real time steps, on people who walk in straight lines."""

from collections import defaultdict

import numpy as np
import pytest

from app.core.array_file import packed, unpacked
from app.core.entities import Detections
from app.vision.byte_tracker import LOST_S, NEW_TRACK_SCORE, ByteTracker

FPS = 5.0
STEP_S = 1 / FPS


def person(x, y=200.0, height=100.0):
    """A box 0.4 times as wide as high around a centre."""
    return [x - 0.2 * height, y - height / 2, x + 0.2 * height, y + height / 2]


def seen(*boxes, scores=None):
    if not boxes:
        return Detections.none()
    given = [0.9] * len(boxes) if scores is None else scores
    return Detections(np.array(boxes, np.float32), np.array(given, np.float32))


def walker(time_s, speed_px_s=100.0):
    return seen(person(100 + speed_px_s * time_s))


def ids(step):
    return step.tracked.track_ids.tolist()


def test_a_person_is_tracked_from_the_first_frame_with_the_detectors_own_boxes():
    tracker = ByteTracker(FPS)
    for number in range(6):
        noise = np.random.default_rng(number).normal(0, 4, 4).astype(np.float32)
        people = Detections(walker(number * STEP_S).boxes + noise, np.array([0.8], np.float32))
        step = tracker.update(people, number * STEP_S)
        assert ids(step) == [1]
        np.testing.assert_array_equal(step.tracked.boxes, people.boxes)
        np.testing.assert_array_equal(step.tracked.scores, people.scores)
        assert (step.ended, step.dropped, step.alive) == ((), (), 1)
    last = tracker.finish()
    assert (last.ended, last.dropped, last.alive) == ((1,), (), 0)
    assert len(last.tracked.track_ids) == 0


def test_each_detection_keeps_its_own_box_whatever_their_order():
    tracker = ByteTracker(FPS)
    orders = np.random.default_rng(0)
    for number in range(10):
        lanes = orders.permutation(5)
        boxes = [person(50 + 8 * number, 100 + 200 * lane) for lane in lanes]
        scores = [0.95 - 0.15 * lane for lane in lanes]  # the last two are weak
        step = tracker.update(seen(*boxes, scores=scores), number * STEP_S)
        by_lane = {
            round((box[1] + 50 - 100) / 200): (track, float(score))
            for box, track, score in zip(
                step.tracked.boxes, ids(step), step.tracked.scores, strict=True
            )
        }
        assert [by_lane[lane][1] for lane in sorted(by_lane)] == pytest.approx(
            [0.95 - 0.15 * lane for lane in sorted(by_lane)]
        )
        if number == 0:
            first = {lane: track for lane, (track, _) in by_lane.items()}
        assert {lane: track for lane, (track, _) in by_lane.items()} == first
    assert sorted(first.values()) == [1, 2, 3, 4]  # 0.35 is too little to begin a track


def test_a_track_ends_when_the_person_was_out_of_sight_for_too_long():
    tracker = ByteTracker(FPS)
    for number in range(5):
        tracker.update(walker(number * STEP_S), number * STEP_S)
    last_s = 4 * STEP_S
    for number in range(5, 100):
        step = tracker.update(Detections.none(), number * STEP_S)
        gone_s = number * STEP_S - last_s
        if gone_s <= LOST_S - 1e-6:
            assert (step.ended, step.alive) == ((), 1), gone_s
        elif gone_s > LOST_S + 1e-6:
            assert (step.ended, step.alive) == ((1,), 0)
            return
    pytest.fail("the track never ended")


def test_a_person_who_comes_back_soon_keeps_the_track():
    tracker = ByteTracker(FPS)
    for number in range(20):
        hidden = 8 <= number < 13
        people = Detections.none() if hidden else walker(number * STEP_S)
        step = tracker.update(people, number * STEP_S)
        assert ids(step) == ([] if hidden else [1])
        assert step.alive == 1


def test_one_detection_among_dense_frames_is_dropped():
    tracker = ByteTracker(FPS)
    first = tracker.update(walker(0), 0.0)
    assert (ids(first), first.alive) == ([1], 1)
    second = tracker.update(Detections.none(), STEP_S)
    assert (second.ended, second.dropped, second.alive) == ((), (1,), 0)
    again = tracker.update(walker(0), 2 * STEP_S)
    assert ids(again) == [2]
    assert tracker.finish().dropped == (2,)


def test_where_frames_lie_far_apart_one_detection_stands_as_a_tracklet():
    tracker = ByteTracker(FPS)
    tracker.update(seen(person(100)), 0.0)
    second = tracker.update(seen(person(800)), 0.5)
    assert (ids(second), second.ended, second.dropped) == ([2], (1,), ())
    third = tracker.update(Detections.none(), 0.7)
    assert (third.ended, third.dropped) == ((), (2,))
    tracker.update(seen(person(300)), 2.0)
    last = tracker.finish()
    assert (last.ended, last.dropped) == ((3,), ())


def test_the_only_frame_of_a_video_gives_tracklets():
    tracker = ByteTracker(FPS)
    weak = NEW_TRACK_SCORE - 0.05
    step = tracker.update(seen(person(100), person(500), scores=[0.9, weak]), 0.0)
    assert ids(step) == [1]
    assert tracker.finish().ended == (1,)


def test_weak_detections_continue_a_track_but_begin_none():
    tracker = ByteTracker(FPS)
    for number in range(3):
        assert tracker.update(seen(person(100), scores=[0.2]), number * STEP_S).alive == 0
    for number in range(3, 6):
        assert ids(tracker.update(seen(person(100)), number * STEP_S)) == [1]
    for number in range(6, 20):
        assert ids(tracker.update(seen(person(100), scores=[0.2]), number * STEP_S)) == [1]


def test_prediction_covers_the_time_that_passed():
    # 0.8 s at 130 px/s are 2.6 body widths: only the speed over the real gap finds the person.
    tracker = ByteTracker(FPS)
    times = [0.0, 0.2, 0.4, 0.6, 0.8, 1.6, 1.8, 2.0, 2.1, 2.2, 3.0, 3.2]
    for time_s in times:
        assert ids(tracker.update(walker(time_s, 130.0), time_s)) == [1]


def test_two_people_who_meet_keep_their_tracks():
    tracker = ByteTracker(FPS)
    for number in range(30):
        time_s = number * STEP_S
        left, right = person(100 + 80 * time_s, 200), person(580 - 80 * time_s, 215)
        step = tracker.update(seen(left, right), time_s)
        owner = dict(zip(ids(step), step.tracked.boxes.tolist(), strict=True))
        assert owner[1] == pytest.approx(left, abs=1e-3)
        assert owner[2] == pytest.approx(right, abs=1e-3)


def looks_of(people):
    """How people look, by the colour (0, 1, …) of each detection; `asked` counts the boxes."""
    asked = []

    def embed(rows):
        asked.extend(rows)
        return np.stack([np.eye(4, dtype=np.float32)[people[row]] for row in rows])

    return embed, asked


def test_two_people_who_turn_round_where_they_meet_are_known_by_their_looks():
    """Motion alone takes each for the other, who comes from there."""
    owners = {}
    for has_looks in (False, True):
        tracker = ByteTracker(FPS)
        for number in range(31):
            way = 16 * (number if number <= 15 else 30 - number)
            boxes = [person(100 + way, 200), person(588 - way, 204)]
            embed, _ = looks_of([0, 1])
            step = tracker.update(seen(*boxes), number * STEP_S, embed if has_looks else None)
        owners[has_looks] = dict(zip(ids(step), step.tracked.boxes[:, 0].tolist(), strict=True))
    assert owners[True] == {1: pytest.approx(80), 2: pytest.approx(568)}
    assert owners[False] == {1: pytest.approx(568), 2: pytest.approx(80)}


def test_who_is_alone_is_looked_at_once_a_second():
    tracker = ByteTracker(FPS)
    asked = []
    for number in range(20):
        embed, now = looks_of([2])
        tracker.update(walker(number * STEP_S), number * STEP_S, embed)
        asked += [number] * len(now)
    assert asked == [0, 5, 10, 15]


def test_what_people_look_like_survives_a_resume():
    straight, resumed = ByteTracker(FPS), ByteTracker(FPS)
    for number in range(24):
        people = seen(person(100 + 12 * number, 200), person(400 - 12 * number, 205))
        steps = [
            each.update(people, number * STEP_S, looks_of([0, 1])[0])
            for each in (straight, resumed)
        ]
        assert ids(steps[0]) == ids(steps[1])
        fresh = ByteTracker(FPS)
        fresh.restore(unpacked(packed(resumed.state())))
        resumed = fresh
    for name, array in straight.state().items():
        np.testing.assert_array_equal(array, resumed.state()[name], err_msg=name)


def test_after_a_long_gap_everyone_is_someone_else():
    tracker = ByteTracker(FPS)
    for number in range(4):
        tracker.update(seen(person(100), person(400)), number * STEP_S)
    tracker.update(seen(person(100), person(400), person(700)), 4 * STEP_S)
    step = tracker.update(seen(person(100), person(400)), 4 * STEP_S + LOST_S + 0.1)
    assert step.ended == (1, 2, 3)  # the third stands, as the next frame is far away
    assert ids(step) == [4, 5]


@pytest.mark.parametrize("fps", [0.5, 1.0, 2.0])
def test_one_missed_frame_ends_no_track_however_rare_frames_are(fps):
    tracker = ByteTracker(fps)
    for number in range(8):
        people = Detections.none() if number == 4 else seen(person(100))
        step = tracker.update(people, number / fps)
        assert step.alive == 1
        assert ids(step) in ([1], [])


def test_numbers_count_from_1_in_every_tracker():
    first, second = ByteTracker(FPS), ByteTracker(FPS)
    for number in range(3):
        time_s = number * STEP_S
        assert ids(first.update(seen(person(100), person(400)), time_s)) == [1, 2]
        assert ids(second.update(seen(person(900)), time_s)) == [1]
    assert ids(ByteTracker(FPS).update(walker(0), 0.0)) == [1]


def test_times_must_rise():
    tracker = ByteTracker(FPS)
    tracker.update(walker(0), 1.0)
    with pytest.raises(ValueError, match="does not follow"):
        tracker.update(walker(0), 1.0)


def test_boxes_without_area_are_no_people():
    tracker = ByteTracker(FPS)
    step = tracker.update(seen([10, 10, 10, 50], [10, 10, 30, 10], person(200)), 0.0)
    np.testing.assert_array_equal(step.tracked.boxes, seen(person(200)).boxes)


# A resume ----------------------------------------------------------------------------------------


def scene(seed):
    """(time, detections) of people who come, hide and go, with gaps, weak and stray boxes."""
    random = np.random.default_rng(seed)
    walks = []
    begin = 0.0
    for _ in range(8):
        begin += random.choice([0.4, 1.0, 5.0])
        speed, lane = random.uniform(-150, 150), random.uniform(100, 500)
        walks.append(
            (begin, begin + random.uniform(0.3, 4.0), speed, lane, random.uniform(60, 160))
        )
        begin += random.choice([0.0, 4.5])
    time_s, frames = 0.0, []
    while time_s < begin + 6:
        boxes, scores = [], []
        for start, end, speed, lane, height in walks:
            if start <= time_s <= end and random.random() > 0.1:
                box = np.array(person(500 + speed * (time_s - start), lane, height))
                boxes.append(box + random.normal(0, 2, 4))
                scores.append(random.uniform(0.15, 0.95))
        if random.random() < 0.05:
            boxes.append(person(random.uniform(0, 900), random.uniform(0, 500)))
            scores.append(random.uniform(0.1, 0.6))
        frames.append((time_s, seen(*boxes, scores=scores)))
        time_s += random.choice([0.2, 0.2, 0.2, 0.4, 0.7])
    return frames


def tracklets(frames):
    """What a tracker makes of frames: tracklets by number; the places where nobody is alive."""
    tracker = ByteTracker(FPS)
    boxes, over, empty = defaultdict(list), [], []
    for place, (time_s, people) in enumerate(frames):
        step = tracker.update(people, time_s)
        for track, box in zip(ids(step), step.tracked.boxes.tolist(), strict=True):
            boxes[track].append((time_s, box))
        over.append(step)
        if step.alive == 0:
            empty.append(place)
    over.append(tracker.finish())
    ended = [track for step in over for track in step.ended]
    dropped = [track for step in over for track in step.dropped]
    # Each track is over exactly once, one way or the other.
    assert sorted(ended + dropped) == sorted(boxes)
    return {track: boxes[track] for track in sorted(ended)}, empty


@pytest.mark.parametrize("seed", range(6))
def test_a_fresh_tracker_goes_on_wherever_nobody_is_alive(seed):
    frames = scene(seed)
    whole, empty = tracklets(frames)
    assert len(whole) >= 3
    assert any(0 < place < len(frames) - 1 for place in empty)
    for place in empty:
        from_s = frames[place][0]
        rest, _ = tracklets(frames[place:])
        wanted = [boxes for boxes in whole.values() if boxes[0][0] >= from_s]
        assert list(rest.values()) == wanted


def test_a_restored_tracker_goes_on_to_the_bit():
    rng = np.random.default_rng(0)

    def crowd(number):
        places = [person(50 + 90 * lane + (3 + lane) * number) for lane in range(6)]
        there = [place for place in places if rng.random() > 0.2]
        noisy = [np.array(place) + rng.normal(0, 2, 4) for place in there]
        return seen(*noisy, scores=rng.uniform(0.15, 0.9, len(there)))

    people = [crowd(number) for number in range(40)]
    steady, state = ByteTracker(FPS), {}
    for number in range(20):
        steady.update(people[number], number * STEP_S)
    state = unpacked(packed(steady.state()))
    restored = ByteTracker(FPS)
    restored.restore(state)
    for number in range(20, 40):
        one, other = (each.update(people[number], number * STEP_S) for each in (steady, restored))
        assert (ids(one), one.ended, one.dropped, one.alive) == (
            ids(other), other.ended, other.dropped, other.alive,
        )  # fmt: skip
        np.testing.assert_array_equal(one.tracked.boxes, other.tracked.boxes)
    for name, array in steady.state().items():
        np.testing.assert_array_equal(array, restored.state()[name])
