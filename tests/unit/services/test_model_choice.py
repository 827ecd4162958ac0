import hashlib
from pathlib import Path

import pytest

from app.core.entities import ModelFile
from app.core.errors import ModelError
from app.services.networks.model_choice import choose_model, describe_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "detectors"
    folder.mkdir()
    return folder


def _choose(folder: Path, **given: object) -> ModelFile:
    arguments = {"named": None, "remembered": None, "preferred": None, "folder": folder}
    return choose_model("detector", **{**arguments, **given})  # type: ignore[arg-type]


def test_a_model_is_named_by_its_stem_and_content(folder: Path) -> None:
    (folder / "yolo.onnx").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    model = describe_model(folder / "yolo.onnx", "detector")
    assert model == ModelFile(f"yolo-{digest[:12]}", folder / "yolo.onnx", digest)


def test_the_order_is_flag_library_settings_only_file(folder: Path) -> None:
    for name in ("flag", "library", "settings"):
        (folder.parent / f"{name}.onnx").write_bytes(name.encode())
    (folder / "only.onnx").write_bytes(b"only")
    remembered = describe_model(folder.parent / "library.onnx", "detector")
    named, preferred = (str(folder.parent / f"{name}.onnx") for name in ("flag", "settings"))
    assert _choose(folder).path.stem == "only"
    assert _choose(folder, preferred=preferred).path.stem == "settings"
    assert _choose(folder, preferred=preferred, remembered=remembered).path.stem == "library"
    everything = {"preferred": preferred, "remembered": remembered, "named": named}
    assert _choose(folder, **everything).path.stem == "flag"


def test_an_installed_model_is_found_by_its_stem(folder: Path) -> None:
    (folder / "a.onnx").write_bytes(b"a")
    (folder / "b.pt").write_bytes(b"b")
    assert _choose(folder, named="b").path == folder / "b.pt"
    with pytest.raises(ModelError, match=r"installed: a, b") as caught:
        _choose(folder, named="c")
    assert caught.value.role == "detector"


def test_none_and_several_are_told_apart(folder: Path) -> None:
    with pytest.raises(ModelError, match="No detector is installed") as caught:
        _choose(folder)
    assert str(folder) in caught.value.remedy and "--detector" in caught.value.remedy
    (folder / "a.onnx").write_bytes(b"a")
    (folder / "b.pt").write_bytes(b"b")
    (folder / "b.onnx.toml").write_text("")
    with pytest.raises(ModelError, match="several detectors .*: a, b"):
        _choose(folder)


def test_the_librarys_model_is_recognised_by_content_wherever_it_lies(folder: Path) -> None:
    old = folder.parent / "old.onnx"
    old.write_bytes(b"weights")
    remembered = describe_model(old, "detector")
    old.rename(folder / "renamed.onnx")
    found = _choose(folder, remembered=remembered)
    assert found.path == folder / "renamed.onnx"
    assert found.id == remembered.id


def test_the_librarys_model_that_changed_or_went_is_refused(folder: Path) -> None:
    path = folder.parent / "yolo.onnx"
    path.write_bytes(b"weights")
    remembered = describe_model(path, "detector")
    path.write_bytes(b"other weights")
    with pytest.raises(ModelError, match="has changed"):
        _choose(folder, remembered=remembered)
    path.unlink()
    with pytest.raises(ModelError, match="no longer there"):
        _choose(folder, remembered=remembered)


def test_an_installed_model_comes_before_a_bundled_one(folder: Path, tmp_path: Path) -> None:
    bundled = tmp_path / "bundled" / "detectors"
    bundled.mkdir(parents=True)
    (bundled / "small.onnx").write_bytes(b"small")
    found = _choose(folder, bundled=bundled)
    assert found.path == bundled / "small.onnx"
    (folder / "large.onnx").write_bytes(b"large")
    assert _choose(folder, bundled=bundled).path == folder / "large.onnx"
    assert _choose(folder, bundled=bundled, named="small").path == bundled / "small.onnx"
    assert _choose(folder, bundled=bundled, preferred="small").path == bundled / "small.onnx"
    moved = ModelFile(found.id, tmp_path / "former-checkout" / "small.onnx", found.sha256)
    assert _choose(folder, bundled=bundled, remembered=moved).path == bundled / "small.onnx"


def test_a_bundled_detector_that_an_update_replaced_is_followed(tmp_path: Path) -> None:
    """Wherever the program lay before; another role's, or the user's own, is not replaced."""
    bundled = tmp_path / "now" / "resources" / "models" / "detectors"
    own, folder = tmp_path / "own" / "models" / "detectors", tmp_path / "installed"
    for place, content in ((bundled, b"new"), (own, b"mine")):
        place.mkdir(parents=True)
        (place / "people.onnx").write_bytes(content)
    given = {"named": None, "preferred": None, "folder": folder, "bundled": bundled}
    for path in (bundled, tmp_path / "before" / "resources" / "models" / "detectors"):
        old = ModelFile("people-1", path / "people.onnx", "0" * 64)
        chosen = choose_model("detector", remembered=old, **given)
        assert chosen == describe_model(bundled / "people.onnx", "detector")
        with pytest.raises(ModelError, match="reembed") as caught:
            choose_model("embedder", remembered=old, **given)
        assert caught.value.role == "embedder"
    with pytest.raises(ModelError, match="has changed"):
        choose_model("detector", remembered=ModelFile("p", own / "people.onnx", "0" * 64), **given)


def test_an_engine_that_a_library_names_is_not_loaded_unasked(folder: Path) -> None:
    """It can hold code, and the library may come from somebody else."""
    engine = folder.parent / "theirs.engine"
    engine.write_bytes(b"engine")
    remembered = describe_model(engine, "detector")
    with pytest.raises(ModelError, match="can hold code"):
        _choose(folder, remembered=remembered)
    assert _choose(folder, remembered=remembered, named=str(engine)).path == engine
