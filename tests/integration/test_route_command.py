"""``route`` on rendered footage whose people and times are known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import main_job
from tests.integration.conftest import Retrace
from tests.rendered import render_world


@pytest.fixture(autouse=True)
def _stand_ins() -> Iterator[None]:
    yield from main_job.use_stand_ins()


def test_the_route_of_everybody_is_as_rendered(tmp_path: Path, retrace: Retrace) -> None:
    world = render_world(seed=3, people=4, crossing_s=2.0)
    minute = {"cam1": 1, "cam2": 0}  # the second camera saw everybody first
    for camera, path in world.write(tmp_path / "videos").items():
        path.rename(path.with_name(f"{camera}_20240514_100{minute[camera]}00.mp4"))
    library = tmp_path / "library"
    main_job.ingest(library, tmp_path / "videos", main_job.weights(tmp_path))
    with main_job.opened(library) as workspace:
        who: dict[int, list[int]] = {}
        for video in workspace.library.videos():
            for tracklet in workspace.library.tracklets_of(video.id):
                person = main_job.identity_of(world, workspace.library, tracklet)
                who.setdefault(person, []).append(tracklet.id)
        for ids in who.values():
            named = workspace.people.confirm(ids[0], ids[1])
            workspace.people.name(named.id, f"Walker {ids[0]}")
    for person, ids in who.items():
        said = retrace("route", f"walker {ids[0]}", "--library", library, "--json")
        assert said.status == 0, said.err
        found = json.loads(said.out)
        assert [each["camera"] for each in found["sightings"]] == ["cam2", "cam1"]
        assert sorted(each["tracklet_id"] for each in found["sightings"]) == sorted(ids)
        assert found["contradictions"] == []
        (leg,) = found["legs"]
        walks = {
            camera: next(walk for walk in some if walk.person.identity == person)
            for camera, some in world.walks.items()
        }
        rendered_s = 60 + walks["cam1"].begins_s - walks["cam2"].begins_s - 2.0
        assert leg["gap_s"] == pytest.approx(
            rendered_s, abs=1.0
        )  # people are seen once they are half in view
        assert leg["way"]["pairs"] == 3  # the others; nobody is evidence of himself

    one, other = who[1][0], who[2][0]
    assert retrace("people", "merge", f"Walker {who[1][0]}", f"Walker {who[2][0]}", "--anyway",
                   "--library", library).status == 0  # fmt: skip
    said = retrace("route", f"Walker {one}", "--library", library)
    assert f"! {min(one, other)} and {max(one, other)}: two boxes in one frame of cam1" in said.out
    assert "10:00:0" in said.out
    assert retrace("route", "Nobody", "--library", library).status != 0

    (learnt,) = json.loads(retrace("ways", "--library", library, "--json").out)["ways"]
    assert (learnt["cameras"], learnt["pairs"], learnt["min_s"]) == (["cam1", "cam2"], 4, None)
    assert learnt["shortest_s"] <= learnt["median_s"] <= learnt["longest_s"]
    said = retrace("ways", "--library", library, "--set", "CAM2", "cam1", "2:00", "-", "--json")
    (limited,) = json.loads(said.out)["ways"]
    assert (limited["min_s"], limited["max_s"], limited["pairs"]) == (120, None, 4)
    third = f"Walker {who[3][0]}"
    assert "where at least 120 s are set" in retrace("route", third, "--library", library).out
    assert "120" in retrace("ways", "--library", library).out
    assert retrace("ways", "--library", library, "--set", "cam1", "cam2", "9", "8").status == 2
    assert retrace("ways", "--library", library, "--set", "cam1", "cam2", "soon", "-").status == 2
    retrace("ways", "--library", library, "--remove", "cam1", "cam2")
    assert "are set" not in retrace("route", third, "--library", library).out
    assert json.loads(retrace("ways", "--library", library, "--json").out)["ways"] == [learnt]
    (day,) = json.loads(retrace("list", "--days", "--library", library, "--json").out)["days"]
    assert (day["day"], day["sightings"]) == ("2024-05-14", 8)
    assert "2024-05-14" in retrace("list", "--days", "--library", library).out
