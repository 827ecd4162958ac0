"""`datasets list|check|doctor`: what they say, and with which status they end."""

import json
import shutil
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from tests.unit.trainer.data import layouts
from trainer.__main__ import app
from trainer.data.registry import DATA_SETS, Counts

# What the tiny copies hold.
TINY = {
    "market1501": Counts(24, 4, 2, 3, 2),
    "dukemtmc": Counts(2, 1, 1, 2),
    "msmt17_v1": Counts(2, 2, 1, 1, val=1),
    "msmt17_v2": Counts(2, 2, 1, 1, val=1),
    "cuhk03_labelled": Counts(3, 1, 3, 2),
    "cuhk03_detected": Counts(3, 1, 3, 2),
    "veri776": Counts(2, 1, 1, 2),
    "vehicleid_800": Counts(None, 2, 9, 3),
}
# Not Market-1501, by one image.
OWN = layouts.MARKET_FILES | {
    "bounding_box_train": layouts.MARKET_FILES["bounding_box_train"][1:],
}


@pytest.fixture
def run():
    def run(*arguments, status=0):
        result = CliRunner().invoke(app, ["datasets", *map(str, arguments)])
        assert result.exit_code == status, result.output + repr(result.exception)
        return result

    return run


@pytest.fixture
def check(run):
    """The report of a check, as JSON."""

    def check(name, root, status=0):
        return json.loads(run("check", name, "--data", root, "--json", status=status).stdout)[0]

    return check


@pytest.fixture(autouse=True)
def _tiny_counts(monkeypatch):
    for name, counts in TINY.items():
        monkeypatch.setitem(DATA_SETS, name, replace(DATA_SETS[name], counts=counts))


def kinds(report, severity="problem"):
    return {each["kind"] for each in report["findings"] if each["severity"] == severity}


def test_list_names_everything(run):
    text = run("list").stdout
    rows = json.loads(run("list", "--json").stdout)
    assert [row["name"] for row in rows] == list(DATA_SETS)
    assert all(name in text for name in DATA_SETS)
    assert rows[1]["counts"]["query"] == 1


@pytest.mark.parametrize(
    ("name", "write", "folder"),
    [
        ("market1501", layouts.market, "market1501"),
        ("dukemtmc", layouts.duke, "DukeMTMC-reID"),
        ("msmt17_v1", layouts.msmt17, "MSMT17_V1"),
        ("cuhk03_detected", layouts.cuhk03, "cuhk03"),
        ("veri776", layouts.veri776, "VeRi"),
        ("vehicleid_800", layouts.vehicleid, "VehicleID"),
    ],
)
def test_a_complete_data_set(check, run, tmp_path, name, write, folder):
    place = write(tmp_path / folder)
    report = check(name, tmp_path)
    assert report["sound"]
    assert report["folder"] == str(place)
    assert all(report["counts"][key] == number for key, number in report["expected"].items())
    assert "as published" in run("check", f"{name}:{folder}", "--data", tmp_path).stdout
    # The doctor tells what it is without being told.
    found = json.loads(run("doctor", place, "--json").stdout)[0]
    if name == "cuhk03_detected":
        assert found["name"] == "cuhk03_labelled"
        assert "It also holds cuhk03_detected" in found["findings"][-1]["message"]
    else:
        assert found["name"] == name


def test_wrong_counts(check, tmp_path):
    folder = layouts.market(tmp_path / "market1501")
    (folder / "query" / "0001_c1s1_000001_00.jpg").unlink()
    report = check("market1501", tmp_path, status=3)
    assert kinds(report) == {"count"}
    assert "1 of query instead of 2" in report["findings"][0]["message"]
    assert DATA_SETS["market1501"].home in report["findings"][0]["remedy"]


def test_broken_and_missing_images(check, run, tmp_path):
    folder = layouts.msmt17(tmp_path / "MSMT17_V1")
    broken = folder / "train" / "0001" / "0001_001_05_0303morning_0008_1.jpg"
    broken.write_bytes(broken.read_bytes()[:300])
    gone = folder / "test" / "0000" / "0000_000_02_0113noon_0015_0.jpg"
    gone.unlink()
    report = check("msmt17_v1", tmp_path, status=3)
    files = {each["kind"]: each["files"] for each in report["findings"]}
    assert files["unreadable"] == [str(broken)]
    assert files["missing"] == [str(gone)]
    assert run("check", "msmt17_v1", "--data", tmp_path, "--quick").exit_code == 0


def test_duplicates_by_content(check, tmp_path):
    """Within an identity a note; of another identity, or in training and test, a problem."""
    folder = layouts.market(tmp_path / "market1501")
    train, query = folder / "bounding_box_train", folder / "query"
    first = train / "0002_c1s1_000000_00.jpg"
    shutil.copy(first, train / "0002_c1s1_000001_00.jpg")
    report = check("market1501", tmp_path)
    assert kinds(report, "note") == {"duplicates"}
    shutil.copy(first, train / "0007_c1s1_000000_00.jpg")
    assert kinds(check("market1501", tmp_path, status=3)) == {"duplicates mislabelled"}
    shutil.copy(first, query / "0001_c1s1_000001_00.jpg")
    report = check("market1501", tmp_path, status=3)
    assert kinds(report) == {"duplicates across"}
    assert len(report["findings"][0]["files"]) == 4


def test_identities_in_training_and_test(check, tmp_path):
    folder = layouts.market(tmp_path / "market1501")
    for part in ("query", "bounding_box_test"):
        for path in sorted((folder / part).glob("0001*")):
            path.rename(path.with_name(path.name.replace("0001", "0007")))
    report = check("market1501", tmp_path, status=3)
    assert kinds(report) == {"shared identities"}
    assert "1 of 4 training identities" in report["findings"][0]["message"]


def test_identities_of_msmt17_start_again_in_the_test(check, tmp_path):
    """Number 0 is in both parts, and is two people."""
    layouts.msmt17(tmp_path / "MSMT17_V1")
    assert check("msmt17_v1", tmp_path)["sound"]


def test_versions_of_msmt17(check, tmp_path):
    """By their folders, by contradicting names, and by images that should differ."""
    layouts.msmt17(tmp_path / "a" / "MSMT17_V2", "v1")
    assert kinds(check("msmt17_v1:a/MSMT17_V2", tmp_path, status=3)) == {"version"}
    layouts.msmt17(tmp_path / "b" / "MSMT17_V1", "v1")
    layouts.msmt17(tmp_path / "b" / "MSMT17_V2", "v2")
    for version in ("v1", "v2"):  # noise that depends on the path: they differ
        report = check(f"msmt17_{version}", tmp_path / "b")
        assert kinds(report, "note") >= {"version"}
    images = tmp_path / "b" / "MSMT17_V2" / "mask_train_v2"
    shutil.rmtree(images)
    shutil.copytree(tmp_path / "b" / "MSMT17_V1" / "train", images)
    report = check("msmt17_v2", tmp_path / "b", status=3)
    assert "hold the same images" in report["findings"][0]["message"]


def test_images_without_view_are_noted(check, tmp_path):
    layouts.veri776(tmp_path / "VeRi")
    report = check("veri776", tmp_path)
    assert report["counts"]["gallery"] == 2
    assert "1 images have no view" in next(
        each["message"] for each in report["findings"] if each["kind"] == "no view"
    )


def test_all(run, tmp_path):
    """What is absent is said and is no problem; what cannot be read does not stop the others."""
    layouts.market(tmp_path / "market1501")
    layouts.veri776(tmp_path / "VeRi")
    text = run("check", "all", "--data", tmp_path).stdout
    assert "msmt17_v1: not there; ask for it: www.pkuvmc.com" in text
    assert text.count("  sound") == 2
    layouts.write_image(tmp_path / "market1501" / "query" / "someone.jpg")
    rows = json.loads(run("check", "all", "--data", tmp_path, "--json", status=3).stdout)
    assert [(row["name"], row["sound"]) for row in rows] == [
        ("market1501", False),
        ("veri776", True),
    ]
    assert kinds(rows[0]) == {"unusable"}


def test_statuses_of_what_cannot_be_checked(run, tmp_path):
    assert "No known data set" in run("check", "all", "--data", tmp_path, status=2).output
    assert "is not below" in run("check", "market1501", "--data", tmp_path, status=1).output
    assert "no data set" in run("check", "market", "--data", tmp_path, status=1).output
    assert "doctor" in run("check", "folder:.", "--data", tmp_path, status=1).output
    run("check", "market1501", "--data", tmp_path / "nowhere", status=2)
    assert "is empty" in run("doctor", tmp_path, status=2).output


@pytest.fixture
def examine(run):
    def examine(folder, status=0):
        return json.loads(run("doctor", folder, "--json", status=status).stdout)[0]

    return examine


def test_doctor_of_an_own_folder(examine, tmp_path):
    files = OWN | {"query": ["0001_c1_a.jpg", "0003_c9_b.jpg", "0004_c2.jpg"]}
    report = examine(layouts.market(tmp_path / "own", files))
    assert report["name"] == "Market-1501 layout"
    assert report["counts"] == {
        "train": 23,
        "query": 3,
        "gallery": 3,
        "identities": 4,
        "queried identities": 3,
        "distractors": 1,
        "junk": 2,
        "cameras": 6,
    }
    notes = {each["kind"]: each for each in report["findings"]}
    assert set(notes) == {"other files", "new cameras", "queries without match"}
    assert "2, 5, 6, 9" in notes["new cameras"]["message"]
    assert notes["queries without match"]["files"] == [
        str(tmp_path / "own" / "query" / "0004_c2.jpg")
    ]


def test_doctor_lists_all_wrong_names(examine, tmp_path):
    files = {
        "bounding_box_train": ["1_c1.jpg", "a.jpg", "b.jpg"],
        "query": [],
        "other": ["1_c1.jpg"],
    }
    folder = layouts.market(tmp_path / "own", files)
    (folder / "query").mkdir()
    report = examine(folder, status=3)
    assert kinds(report) == {"names", "empty", "half a test"}
    names = next(each for each in report["findings"] if each["kind"] == "names")
    assert len(names["files"]) == 2
    assert kinds(report, "note") == {"one camera", "identities with one image"}


def test_doctor_of_other_folders(examine, tmp_path):
    """A parent of data sets, loose images, and something else."""
    layouts.market(tmp_path / "data" / "own", OWN)
    layouts.vehicleid(tmp_path / "data" / "VehicleID")
    remedy = examine(tmp_path / "data", status=3)["findings"][0]["remedy"]
    assert "VehicleID (vehicleid_800), own (Market-1501 layout)" in remedy
    layouts.write_image(tmp_path / "loose" / "me.jpg")
    assert "bounding_box_train" in examine(tmp_path / "loose", status=3)["findings"][0]["remedy"]
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "notes.txt").write_text("no image")
    assert "datasets list" in examine(tmp_path / "else", status=3)["findings"][0]["remedy"]


def test_doctor_of_the_real_folders(run, shared_data):
    root = shared_data("reid")
    report = json.loads(run("doctor", root / "con-reid", "--quick", "--json").stdout)[0]
    assert report["counts"]["train"] == 7_711
    assert report["counts"]["cameras"] == 6
