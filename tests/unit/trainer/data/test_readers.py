"""Every layout: counts, identities, cameras, views, what is left out, and what is wrong with it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.trainer.data import layouts
from trainer.data.registry import DATA_SETS, find_folder, load_data_set, load_data_sets
from trainer.errors import TrainerError


def counts(data_set):
    trial = data_set.trials[0]
    return len(data_set.train), len(trial.query), len(trial.gallery)


def numbers(samples):
    return [(sample.identity, sample.camera) for sample in samples]


def test_market1501(tmp_path):
    """Junk is left out, distractors are kept, cameras count from 0, files are sorted."""
    layouts.market(tmp_path / "Market-1501-v15.09.15")
    data_set = load_data_set("market1501", tmp_path)
    assert counts(data_set) == (24, 2, 3)
    assert numbers(data_set.trials[0].query) == [(1, 0), (3, 1)]
    assert numbers(data_set.trials[0].gallery) == [(0, 5), (1, 1), (3, 4)]
    assert data_set.left_out == {"junk": 2}
    assert (data_set.cameras, data_set.views) == (6, 1)
    assert data_set.camera_keys[5] == "market1501/c6"
    assert [sample.path for sample in data_set.train] == sorted(s.path for s in data_set.train)


@pytest.mark.parametrize(
    ("name", "folder"), [("dukemtmc", "DukeMTMC-reID"), ("occluded_duke", "Occluded_Duke")]
)
def test_duke_layouts(tmp_path, name, folder):
    layouts.duke(tmp_path / folder)
    data_set = load_data_set(name, tmp_path)
    assert counts(data_set) == (2, 1, 2)
    assert numbers(data_set.train) == [(1, 1), (1, 7)]
    assert data_set.cameras == 8


def test_only_base_names_are_read(tmp_path):
    """A folder that looks like identity and camera changes nothing."""
    layouts.market(tmp_path / "0099_c4" / "market1501")
    data_set = load_data_set("market1501", tmp_path / "0099_c4")
    assert {sample.identity for sample in data_set.train} == {2, 7, 10, 11}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_msmt17(tmp_path, version):
    layouts.msmt17(tmp_path / f"MSMT17_{version.upper()}", version)
    data_set = load_data_set(f"msmt17_{version}", tmp_path)
    assert counts(data_set) == (2, 1, 1)
    assert numbers(data_set.train) == [(0, 0), (1, 4)]  # sorted, though the list is not
    assert numbers(load_data_set(f"msmt17_{version}#val=true", tmp_path).train)[-1] == (1, 14)
    assert data_set.cameras == 15
    assert all(sample.path.is_file() for sample in data_set.train)


def test_msmt17_versions_are_not_mixed_up(tmp_path):
    """Both may lie in a folder of one name; the image folders decide."""
    layouts.msmt17(tmp_path / "MSMT17", "v2")
    assert load_data_set("msmt17_v2", tmp_path).name == "msmt17_v2"
    with pytest.raises(TrainerError, match="not a complete msmt17_v1: train, test is missing"):
        load_data_set("msmt17_v1", tmp_path)


@pytest.mark.parametrize("boxes", ["labelled", "detected"])
def test_cuhk03_out_of_the_matlab_files(tmp_path, boxes):
    """Images are written out once, empty cells skipped, rows and columns the right way round."""
    folder = layouts.cuhk03(tmp_path / "cuhk03")
    data_set = load_data_set(f"cuhk03_{boxes}", tmp_path)
    assert counts(data_set) == (3, 3, 2)
    assert numbers(data_set.train) == [(10_002, 0), (10_002, 1), (10_002, 1)]
    assert numbers(data_set.trials[0].query) == [(10_001, 0), (10_001, 1), (20_001, 0)]
    images = folder / ("images_labeled" if boxes == "labelled" else "images_detected")
    assert sorted(path.name for path in images.iterdir()) == sorted(layouts.CUHK03_NAMES)
    first = np.asarray(Image.open(images / "1_001_1_01.png"))
    stored = np.random.default_rng(3).integers(256, size=(3, 6, 12), dtype=np.uint8)
    np.testing.assert_array_equal(first, stored.transpose(2, 1, 0))  # (12, 6, 3)
    shutil.rmtree(folder / "cuhk03_release")
    assert load_data_set(f"cuhk03_{boxes}", tmp_path) == data_set


def test_cuhk03_from_a_cached_split(tmp_path):
    """As other programs leave it: images, and a JSON with paths of another machine."""
    folder = tmp_path / "cuhk03"
    for name in layouts.CUHK03_NAMES:
        layouts.write_image(folder / "images_detected" / name)
    rows = [[f"/elsewhere/images_detected/{name}", 5, 0] for name in layouts.CUHK03_NAMES]
    split = {"train": rows[3:6], "query": rows[:1], "gallery": rows[1:3]}
    (folder / "splits_new_detected.json").write_text(json.dumps([split]))
    data_set = load_data_set("cuhk03_detected", tmp_path)
    assert counts(data_set) == (3, 1, 2)
    assert all(sample.path.is_file() for sample in data_set.train)


def test_cuhk03_with_a_broken_matlab_file_leaves_nothing_behind(tmp_path):
    folder = layouts.cuhk03(tmp_path / "cuhk03")
    (folder / "cuhk03_release" / "cuhk-03.mat").write_bytes(b"cut")
    with pytest.raises(TrainerError, match="cannot be written out"):
        load_data_set("cuhk03_detected", tmp_path)
    assert not (folder / "images_detected").exists()


def test_veri776_with_views(tmp_path):
    """Views come from the last column, a later line wins; images without one are left out."""
    layouts.veri776(tmp_path / "VeRi")
    data_set = load_data_set("veri776", tmp_path)
    assert counts(data_set) == (2, 1, 1)
    assert [(s.camera, s.view) for s in data_set.train] == [(0, 7), (19, 0)]
    assert data_set.trials[0].gallery[0].view == 5
    assert (data_set.cameras, data_set.views) == (20, 8)
    assert data_set.left_out == {"no view": 1}


def test_veri776_without_views(tmp_path):
    layouts.veri776(tmp_path / "VeRi", views=False)
    data_set = load_data_set("veri776#views=false", tmp_path)
    assert counts(data_set) == (2, 1, 2)
    assert data_set.views == 1
    with pytest.raises(TrainerError, match="views=false"):
        load_data_set("veri776", tmp_path)


@pytest.mark.parametrize("size", [800, 1600, 2400])
def test_vehicleid(tmp_path, size):
    """Ten repeats that differ, each with one gallery image a vehicle; the same every time."""
    layouts.vehicleid(tmp_path / "VehicleID_V1.0", size)
    data_set = load_data_set(f"vehicleid_{size}", tmp_path)
    assert numbers(data_set.train) == [(80, 0), (90, 0), (90, 0)]
    assert len(data_set.trials) == 10
    for trial in data_set.trials:
        assert [sample.identity for sample in trial.gallery] == [50, 51, 52]
        assert {sample.camera for sample in trial.gallery} == {1}
        assert {sample.camera for sample in trial.query} == {0}
        assert len({s.path for s in trial.query} | {s.path for s in trial.gallery}) == 12
    assert len({trial.gallery for trial in data_set.trials}) > 5
    assert load_data_set(f"vehicleid_{size}", tmp_path) == data_set


def test_any_folder(tmp_path):
    """Cameras are those that are there, in their order, over all parts."""
    layouts.market(
        tmp_path / "own",
        {
            "bounding_box_train": ["1_c12_a.png", "1_c3_b.jpg"],
            "query": ["2_c3_a.jpg"],
            "bounding_box_test": ["2_c40_a.jpg", "-1_c99_a.jpg"],
        },
    )
    data_set = load_data_set("folder:own", tmp_path)
    assert data_set.name == "own"
    assert data_set.camera_names == ("c3", "c12", "c40")
    assert numbers(data_set.train) == [(1, 1), (1, 0)]
    assert numbers(data_set.trials[0].gallery) == [(2, 2)]


@pytest.mark.parametrize(
    ("parts", "train", "trials"),
    [
        (["bounding_box_train"], 24, 0),
        (["query", "bounding_box_test"], 0, 1),
        (["bounding_box_train", "query"], 24, 0),
    ],
)
def test_folders_with_some_parts(tmp_path, parts, train, trials):
    layouts.market(tmp_path / "own", {part: layouts.MARKET_FILES[part] for part in parts})
    data_set = load_data_set(f"folder:{tmp_path / 'own'}", tmp_path / "elsewhere")
    assert (len(data_set.train), len(data_set.trials)) == (train, trials)


@pytest.mark.parametrize(
    ("name", "layout", "folder"),
    [
        ("market1501", layouts.market, "market1501/Market-1501-v15.09.15"),
        ("market1501", layouts.market, "MARKET1501"),
        ("market1501", layouts.market, "Market-1501-v15.09.15/Market-1501-v15.09.15"),
        ("market1501", layouts.market, "market1501/data/unpacked"),
        ("msmt17_v1", layouts.msmt17, "msmt17/MSMT17_V1"),
        ("msmt17_v1", layouts.msmt17, "MSMT17_V1/MSMT17_V1"),
        ("veri776", layouts.veri776, "veri"),
        ("veri776", layouts.veri776, "VeRi/VeRi"),
        ("dukemtmc", layouts.duke, "dukemtmc-reid/DukeMTMC-reID"),
        ("occluded_duke", layouts.duke, "Occluded_Duke"),
        ("occluded_duke", layouts.duke, "occluded-duke/Occluded_Duke"),
        ("vehicleid_800", layouts.vehicleid, "vehicleid/VehicleID_V1.0"),
        ("cuhk03_detected", layouts.cuhk03, "CUHK03/cuhk03"),
    ],
)
def test_folders_that_people_have(tmp_path, name, layout, folder):
    layout(tmp_path / folder)
    layout(tmp_path / Path(folder).parts[0] / "__MACOSX")
    for text in (name, f"{name}:{folder.partition('/')[0]}"):
        assert find_folder(text, tmp_path) == tmp_path / folder
        assert load_data_set(text, tmp_path).train


def test_other_data_sets_in_a_folder_are_not_taken_for_it(tmp_path):
    layouts.duke(tmp_path / "DukeMTMC" / "Occluded_Duke")
    with pytest.raises(TrainerError, match="not a complete dukemtmc"):
        find_folder("dukemtmc", tmp_path)
    layouts.duke(tmp_path / "DukeMTMC" / "DukeMTMC-reID")
    layouts.duke(tmp_path / "DukeMTMC" / "own")
    assert find_folder("dukemtmc", tmp_path) == tmp_path / "DukeMTMC" / "DukeMTMC-reID"


def test_where_it_cannot_be_told_the_inner_folder_is_named(tmp_path):
    for copy in ("a", "b"):
        layouts.veri776(tmp_path / "veri" / copy)
    with pytest.raises(TrainerError, match="veri776 more than once: .*/a, .*/b") as caught:
        find_folder("veri776", tmp_path)
    assert f"veri776:{Path('veri', 'a')}" in caught.value.remedy
    layouts.msmt17(tmp_path / "msmt17" / "MSMT17_V1")
    (tmp_path / "msmt17" / "MSMT17_V1" / "list_query.txt").unlink()
    with pytest.raises(TrainerError, match=r"MSMT17_V1 is not .*: list_query\.txt is missing"):
        find_folder("msmt17_v1", tmp_path)
    layouts.vehicleid(tmp_path / "downloads" / "vehicles")
    with pytest.raises(TrainerError, match="vehicles looks like it") as caught:
        find_folder("vehicleid_800", tmp_path)
    assert f"vehicleid_800:{Path('downloads', 'vehicles')}" in caught.value.remedy
    layouts.market(tmp_path / "downloads" / "own")
    with pytest.raises(TrainerError, match="market1501 is not below") as caught:
        find_folder("market1501", tmp_path)
    assert "looks like it" not in caught.value.message  # of that layout, but of another size
    with pytest.raises(TrainerError, match="not in Market-1501 layout") as caught:
        load_data_set("folder:downloads", tmp_path)
    assert str(tmp_path / "downloads" / "own") in caught.value.remedy


def test_a_root_that_is_the_data_set_itself(tmp_path):
    assert counts(load_data_set("market1501", layouts.market(tmp_path))) == (24, 2, 3)


def test_two_data_sets_of_one_name(tmp_path):
    for place in ("a", "b"):
        layouts.market(tmp_path / place / "own")
    with pytest.raises(TrainerError, match='called "own"'):
        load_data_sets(["folder:a/own", "folder:b/own"], tmp_path)


@pytest.mark.parametrize("name", [name for name in DATA_SETS if DATA_SETS[name].folders])
def test_what_is_not_there_is_said_with_where_to_ask(tmp_path, name):
    with pytest.raises(TrainerError, match=f"{name} is not below") as caught:
        load_data_set(name, tmp_path)
    assert DATA_SETS[name].home in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("market", 'no data set "market"'),
        ("folder", "needs a path"),
        ("folder:nowhere", "no folder"),
        ("market1501#val=true", "Its options are holdout, seed"),
        ("msmt17_v1#val=yes", "set by =true or =false"),
        ("market1501#holdout=many", "a number from 0"),
        ("market1501#seed=1", "needs a holdout"),
        ("market1501#holdout", "not of the form option=value"),
        ("tracks", "needs a path"),
        ("tracks:own#most=few", "most is a number from 0"),
    ],
)
def test_entries_that_cannot_be_meant(tmp_path, text, sentence):
    with pytest.raises(TrainerError, match=sentence):
        load_data_set(text, tmp_path)


TRACKS = {
    "street": ["street_a_0000_000000", "street_a_0000_000015", "street_a_0001_000000"],
    "mall": [*(f"mall_b_{track:04d}_{frame:06d}" for track in range(4) for frame in (0, 5)), "one"],
    "empty": [],
}


@pytest.fixture
def tracks(tmp_path):
    for source, names in TRACKS.items():
        (tmp_path / "crops" / source).mkdir(parents=True)
        for name in names:
            layouts.write_image(tmp_path / "crops" / source / f"{name}.jpg")
    return tmp_path


def test_tracks(tracks):
    """A track is an identity, a source with images is a camera."""
    data_set = load_data_set("tracks:crops", tracks)
    assert (data_set.name, data_set.camera_names) == ("crops", ("mall", "street"))
    of_source = {
        name: [s.identity for s in data_set.train if s.camera == number]
        for number, name in enumerate(data_set.camera_names)
    }
    assert of_source == {"mall": [1, 1, 2, 2, 3, 3, 4, 4, 5], "street": [6, 6, 7]}
    assert data_set.trials == () and data_set.left_out == {}


def test_sources_can_be_left_out(tracks):
    data_set = load_data_set("tracks:crops#without=mall,empty", tracks)
    assert data_set.camera_keys == ("crops/street",)
    assert {sample.path.parent.name for sample in data_set.train} == {"street"}
    assert data_set.left_out == {"without": 9}
    with pytest.raises(TrainerError, match='no source "shop"') as caught:
        load_data_set("tracks:crops#without=shop", tracks)
    assert "empty, mall, street" in caught.value.remedy
    with pytest.raises(TrainerError, match="no crops of tracks"):
        load_data_set("tracks:crops#without=mall,street", tracks)


def test_a_source_gives_at_most_so_many_images(tracks):
    """Whole tracks, drawn by the seed; what other sources there are changes nothing."""
    whole = {s.path for s in load_data_set("tracks:crops", tracks).train}
    chosen = {}
    for seed in range(8):
        found = load_data_set(f"tracks:crops#most=4,seed={seed}", tracks)
        paths = [s.path.name for s in found.train if s.path.parent.name == "mall"]
        assert 3 <= len(paths) <= 4 and len(found.train) == len(paths) + 3
        assert found.left_out == {"most": len(whole) - len(found.train)}
        taken = {name.rpartition("_")[0] for name in paths}
        assert len(paths) == sum(path.name.rpartition("_")[0] in taken for path in whole)
        alone = load_data_set(f"tracks:crops#without=street,most=4,seed={seed}", tracks)
        assert [s.path.name for s in alone.train] == paths
        chosen[seed] = tuple(paths)
    assert len(set(chosen.values())) > 2
    first = load_data_set("tracks:crops#most=4,seed=0", tracks)
    assert first == load_data_set("tracks:crops#most=4", tracks)


def test_wrong_names_and_lines(tmp_path):
    own = layouts.market(tmp_path / "own")
    layouts.write_image(own / "query" / "someone.jpg")
    with pytest.raises(TrainerError, match=r"someone\.jpg does not begin with identity and camera"):
        load_data_set("folder:own", tmp_path)
    far = layouts.market(tmp_path / "market1501")
    layouts.write_image(far / "query" / "0009_c7s1_0.jpg")
    with pytest.raises(TrainerError, match="names camera 7, but the cameras are 1 to 6"):
        load_data_set("market1501", tmp_path)
    msmt17 = layouts.msmt17(tmp_path / "MSMT17_V1")
    (msmt17 / "list_val.txt").write_text("0001/0001_002_16_a.jpg 1\n")
    with pytest.raises(TrainerError, match="no camera from 1 to 15"):
        load_data_set("msmt17_v1#val=true", tmp_path)
    (msmt17 / "list_query.txt").write_text("0001/0001_002_15_a.jpg\n")
    with pytest.raises(TrainerError, match="Line 1 of .* has 1 columns instead of 2"):
        load_data_set("msmt17_v1", tmp_path)


def test_holdout_rule(tmp_path):
    """Identities by the seeded permutation; the first image of each camera is the query."""
    layouts.market(tmp_path / "market1501")
    layouts.write_image(tmp_path / "market1501" / "bounding_box_train" / "0020_c4s1_000000_00.jpg")
    whole = load_data_set("market1501", tmp_path)
    data_set = load_data_set("market1501#holdout=3,seed=2", tmp_path)
    identities = [2, 7, 10, 11, 20]
    held_out = {identities[n] for n in np.random.default_rng(2).permutation(5)[:3]}
    assert {sample.identity for sample in data_set.train} == set(identities) - held_out
    trial = data_set.trials[0]
    assert {sample.identity for sample in trial.gallery} == held_out
    assert {sample.identity for sample in trial.query} == held_out - {20}  # 20 has one camera
    assert all("000000" in sample.path.name for sample in trial.query)
    assert len(trial.query) == 2 * len(held_out - {20})
    everything = [*data_set.train, *trial.query, *trial.gallery]
    assert sorted(s.path for s in everything) == [s.path for s in whole.train]
    other = load_data_set("market1501#holdout=3,seed=3", tmp_path)
    assert other.trials != data_set.trials


@pytest.mark.parametrize("identities", [3, 4, 9])
def test_holdout_leaves_enough_to_train(tmp_path, identities):
    layouts.market(tmp_path / "market1501")
    with pytest.raises(TrainerError, match="cannot be held out of the 4"):
        load_data_set(f"market1501#holdout={identities}", tmp_path)


def test_the_real_folders(shared_data):
    root = shared_data("reid")
    con_reid, market = load_data_sets(
        ["folder:con-reid", "folder:market1501_601#holdout=100"], root
    )
    assert counts(con_reid) == (7_711, 212, 5_207)
    assert con_reid.cameras == market.cameras == 6
    assert len({sample.identity for sample in market.train}) == 501
    assert counts(market) == (8_104, 414, 1_155)
