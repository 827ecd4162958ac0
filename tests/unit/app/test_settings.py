from pathlib import Path

import pytest

from app.core.errors import SettingsError
from app.settings import (
    IngestSettings,
    ModelSettings,
    Settings,
    WindowSettings,
    default_library,
    load_settings,
    save_settings,
)


def test_a_missing_file_means_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "settings.toml") == Settings()


def test_only_what_differs_is_written_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "settings.toml"
    settings = Settings(
        models=ModelSettings(detector="yolo11x"), window=WindowSettings(theme="dark")
    )
    save_settings(settings, path)
    text = path.read_text(encoding="utf-8")
    assert "yolo11x" in text and "fps" not in text and "device" not in text
    assert load_settings(path) == settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[models]\ndetektor = 'x'\n",
            "known here: detector, embedder, aggregator, reranker, device",
        ),
        ("[model]\n", "known here: language, keys, models, ingest, search, window"),
        ("[ingest]\nfps = 'fast'\n", '"ingest.fps"'),
        ("[ingest]\nfps = 0\n", "greater than 0"),
        ("[window]\ntheme = 'blue'\n", '"window.theme"'),
        ("[ingest\n", "cannot be read"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert said in str(caught.value) and str(path) in str(caught.value)


def test_writing_below_a_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be written"):
        save_settings(Settings(ingest=IngestSettings(fps=2)), tmp_path / "file" / "settings.toml")


def test_folders_of_the_same_name_get_libraries_of_their_own(tmp_path: Path) -> None:
    one, other = default_library(tmp_path / "a" / "day"), default_library(tmp_path / "b" / "day")
    assert one != other
    assert one.name.startswith("day-") and len(one.name) == len("day-") + 8
    assert default_library(tmp_path / "a" / "." / "day") == one
