"""Which file is used in a role, and why."""

from pathlib import Path
from typing import Any

import pytest
from stored_people import network_files

from app.core.entities import ModelFile
from app.core.errors import ModelError
from app.core.networks import ModelRole
from app.services.networks.model_choice import Choice, choose
from app.settings import bundled_models_dir, models_dir


@pytest.fixture
def folder() -> Path:
    """The user's folder for detectors."""
    folder = models_dir("detector")
    folder.mkdir(parents=True)
    return folder


FILES = network_files()


def described(path: Path) -> ModelFile:
    return FILES.identify(path, "detector")


def _choose(role: ModelRole = "detector", **given: Any) -> ModelFile:
    return choose(role, FILES, **given).required()


def test_the_order_is_flag_library_settings_only_file(folder: Path) -> None:
    for name in ("flag", "library", "settings"):
        (folder.parent / f"{name}.onnx").write_bytes(name.encode())
    (folder / "only.onnx").write_bytes(b"only")
    remembered = described(folder.parent / "library.onnx")
    named, setting = (str(folder.parent / f"{name}.onnx") for name in ("flag", "settings"))
    assert _choose().path.stem == "only"
    assert _choose(setting=setting).path.stem == "settings"
    assert _choose(setting=setting, remembered=remembered).path.stem == "library"
    everything = {"setting": setting, "remembered": remembered, "named": named}
    assert _choose(**everything).path.stem == "flag"


def test_an_installed_model_is_found_by_its_stem(folder: Path) -> None:
    (folder / "a.onnx").write_bytes(b"a")
    (folder / "b.pt").write_bytes(b"b")
    assert _choose(named="b").path == folder / "b.pt"
    with pytest.raises(ModelError, match=r"there are: a, b") as caught:
        _choose(named="c")
    assert caught.value.role == "detector"


def test_none_and_several_are_told_apart(folder: Path) -> None:
    with pytest.raises(ModelError, match="No detector is installed") as caught:
        _choose()
    assert str(folder) in caught.value.remedy and "--detector" in caught.value.remedy
    (folder / "a.onnx").write_bytes(b"a")
    (folder / "b.pt").write_bytes(b"b")
    (folder / "b.onnx.toml").write_text("")
    with pytest.raises(ModelError, match="several files for the detector .*: a, b"):
        _choose()


def test_the_librarys_model_is_recognised_by_content_wherever_it_lies(folder: Path) -> None:
    old = folder.parent / "old.onnx"
    old.write_bytes(b"weights")
    remembered = described(old)
    old.rename(folder / "renamed.onnx")
    found = _choose(remembered=remembered)
    assert found.path == folder / "renamed.onnx"
    assert found.id == remembered.id


def test_the_librarys_model_that_changed_or_went_is_refused(folder: Path) -> None:
    path = folder.parent / "yolo.onnx"
    path.write_bytes(b"weights")
    remembered = described(path)
    path.write_bytes(b"other weights")
    with pytest.raises(ModelError, match="has changed"):
        _choose(remembered=remembered)
    path.unlink()
    with pytest.raises(ModelError, match="no longer there"):
        _choose(remembered=remembered)


def test_an_installed_model_comes_before_a_bundled_one(folder: Path, tmp_path: Path) -> None:
    bundled = bundled_models_dir("detector")
    bundled.mkdir(parents=True)
    (bundled / "small.onnx").write_bytes(b"small")
    found = _choose()
    assert found.path == bundled / "small.onnx"
    (folder / "large.onnx").write_bytes(b"large")
    assert _choose().path == folder / "large.onnx"
    assert _choose(named="small").path == bundled / "small.onnx"
    assert _choose(setting="small").path == bundled / "small.onnx"
    moved = ModelFile(found.id, tmp_path / "former-checkout" / "small.onnx", found.sha256)
    assert _choose(remembered=moved).path == bundled / "small.onnx"


def test_a_bundled_detector_that_an_update_replaced_is_followed(tmp_path: Path) -> None:
    """Wherever the program lay before; another role's, or the user's own, is not replaced."""
    bundled, own = bundled_models_dir("detector"), tmp_path / "own" / "models" / "detectors"
    for place, content in ((bundled, b"new"), (own, b"mine")):
        place.mkdir(parents=True)
        (place / "people.onnx").write_bytes(content)
    for path in (bundled, tmp_path / "before" / Path(*bundled.parts[-3:])):
        old = ModelFile("people-1", path / "people.onnx", "0" * 64)
        assert _choose(remembered=old) == described(bundled / "people.onnx")
        with pytest.raises(ModelError, match="reembed") as caught:
            _choose("embedder", remembered=old)
        assert caught.value.role == "embedder"
    with pytest.raises(ModelError, match="has changed"):
        _choose(remembered=ModelFile("p", own / "people.onnx", "0" * 64))


def test_an_engine_that_a_library_names_is_not_loaded_unasked(folder: Path) -> None:
    """It can hold code, and the library may come from somebody else."""
    engine = folder.parent / "theirs.engine"
    engine.write_bytes(b"engine")
    remembered = described(engine)
    with pytest.raises(ModelError, match="can hold code"):
        _choose(remembered=remembered)
    assert _choose(remembered=remembered, named=str(engine)).path == engine


def test_the_rule_says_why_and_whether_anybody_asked(folder: Path) -> None:
    (folder / "a.onnx").write_bytes(b"a")
    given: list[tuple[dict[str, Any], str]] = [
        ({}, "the only detector installed"),
        ({"setting": "a"}, "the settings name it"),
        ({"setting": "a", "remembered": described(folder / "a.onnx")}, "the library was made"),
        ({"setting": "b", "named": "a"}, "it was named with the command"),
    ]
    for about, why in given:
        found = choose("detector", FILES, **about)
        assert found.why.startswith(why)
        assert found.asked is bool(about)
    assert choose("aggregator", FILES, setting="auto") == Choice()
    missing = choose("reranker", FILES, setting="nobody")
    assert missing.file is None and missing.problem is not None and missing.asked
    with pytest.raises(ModelError, match='"nobody"'):
        missing.given()
