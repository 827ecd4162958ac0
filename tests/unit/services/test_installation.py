"""Installing from files and addresses, and removing; the networks themselves are not loaded."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stored_people import network_files

from app.core.errors import DownloadError, ModelError, NotFoundError, UsageError
from app.core.networks import ModelRole
from app.core.ports import NetworkFiles
from app.services.networks import download as download_module
from app.services.networks import installation
from app.services.networks.installation import Checking, Installed, InstallEvent, install, remove
from app.services.networks.public_models import public_models
from app.settings import bundled_models_dir, models_dir
from tests.file_server import FileServer, serving

WEIGHTS = b"weights" * 1000
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


def files_of(recognise: Callable[[Path, ModelRole | None], ModelRole]) -> NetworkFiles:
    return network_files(recognise=recognise)


def _embedder(path: Path, wanted: ModelRole | None) -> ModelRole:
    assert path.read_bytes() == WEIGHTS
    assert "incoming" in path.parts, "it is tried before it is in its place"
    return wanted or "embedder"


def _unusable(path: Path, wanted: ModelRole | None) -> ModelRole:
    raise ModelError(f"{path.name} is damaged or cut short.", "Download or copy it again.")


embedder, unusable = files_of(_embedder), files_of(_unusable)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    path.write_bytes(WEIGHTS)
    return path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(download_module, "_SCHEMES", ("http",))
    monkeypatch.setenv("no_proxy", "*")
    with serving(WEIGHTS) as running:
        yield running


def last(events: Iterator[InstallEvent]) -> Installed:
    *before, end = events
    assert isinstance(end, Installed)
    assert not any(isinstance(each, Installed) for each in before)
    return end


def left() -> list[str]:
    """All files below the models folder."""
    folder = models_dir("detector").parent
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_file_goes_where_its_role_says_with_what_lies_beside_it(file: Path) -> None:
    Path(f"{file}.toml").write_text('channel_order = "BGR"\n')
    Path(f"{file}.card.toml").write_text('terms = "any"\n')
    end = last(install(str(file), embedder))
    assert end == Installed("embedder", models_dir("embedder") / "net.onnx", SHA256)
    assert left() == [f"embedders/net.onnx{ending}" for ending in ("", ".card.toml", ".toml")]
    assert file.is_file(), "it is copied"
    last(install(str(file), embedder))  # the very same once more


def test_the_role_can_be_asked_for(file: Path) -> None:
    assert last(install(str(file), embedder, "detector")).path.parent.name == "detectors"


def test_what_cannot_be_used_leaves_nothing(file: Path) -> None:
    with pytest.raises(ModelError, match="damaged"):
        list(install(str(file), unusable))
    with pytest.raises(ModelError, match=f"has the SHA-256 {SHA256}"):
        list(install(str(file), embedder, sha256="0" * 64))
    assert left() == []


def test_another_file_of_that_name_is_not_overwritten(file: Path) -> None:
    models_dir("embedder").mkdir(parents=True)
    (models_dir("embedder") / "net.onnx").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"already installed.*models remove net\.onnx"):
        list(install(str(file), embedder))
    assert (models_dir("embedder") / "net.onnx").read_bytes() == b"mine"
    assert left() == ["embedders/net.onnx"]


@pytest.mark.parametrize(
    ("source", "sha256", "problem"),
    [
        ("nowhere.onnx", None, 'There is no file "nowhere.onnx"'),
        ("https://example.org/readme.txt", None, r"readme\.txt is not a weights file"),
        ("https://example.org/", None, "is not a weights file"),
        ("yolo11n.pt", "12", "not a SHA-256"),
    ],
)
def test_what_cannot_be_meant_is_told_without_a_look_at_the_network(
    source: str, sha256: str | None, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        list(install(source, embedder, sha256=sha256))


@pytest.mark.parametrize("name", ["yolo11n.pt", "yolov8n.pt", "yolo26x", "yolov10b"])
def test_names_of_yolo_weights_become_addresses(name: str, server: FileServer) -> None:
    asked: list[str] = []

    def fetch(url: str, name: str, folder: Path, sha256: str | None) -> Iterator[Checking]:
        asked.append(url)
        raise DownloadError("No network.")
        yield Checking(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(installation, "download", fetch)
        with pytest.raises(DownloadError):
            list(install(name, embedder))
    stem = name.removesuffix(".pt")
    assert asked == [f"https://github.com/ultralytics/assets/releases/download/v8.4.0/{stem}.pt"]


def test_what_is_there_is_not_downloaded_again(server: FileServer) -> None:
    models_dir("detector").mkdir(parents=True)
    (models_dir("detector") / "yolo11n.pt").write_bytes(b"yolo")
    with pytest.raises(UsageError, match="already installed"):
        list(install("yolo11n.pt", embedder))


def test_an_address_is_downloaded_checked_and_put_in_its_place(server: FileServer) -> None:
    end = last(install(server.url("/a/my%20net.onnx?download=true"), embedder, sha256=SHA256))
    assert end.path == models_dir("embedder") / "my net.onnx"
    assert left() == ["embedders/my net.onnx"]


def test_an_interrupted_download_is_kept_and_gone_on_with(server: FileServer) -> None:
    server.cut_after = 3000
    with pytest.raises(DownloadError, match="was cut"):
        list(install(server.url(), embedder))
    assert [Path(each).suffix for each in left()] == ["", ".part", ".json"]
    server.cut_after = None
    last(install(server.url(), embedder))
    assert server.ranges == [None, "bytes=3000-"]
    assert left() == ["embedders/net.onnx"]


@pytest.mark.parametrize("files", [unusable, embedder], ids=["unusable", "embedder"])
def test_a_bad_download_leaves_nothing(files: NetworkFiles, server: FileServer) -> None:
    sha256 = "0" * 64 if files is embedder else None
    with pytest.raises((ModelError, DownloadError), match="damaged|SHA-256"):
        list(install(server.url(), files, sha256=sha256))
    assert left() == []


def test_remove_takes_the_file_and_what_lies_beside_it(file: Path) -> None:
    Path(f"{file}.toml").write_text("")
    last(install(str(file), embedder))
    last(install(str(file), embedder, "detector"))
    with pytest.raises(UsageError, match='Several networks are named "net"'):
        remove("net", embedder)
    assert remove("net", embedder, "detector") == models_dir("detector") / "net.onnx"
    assert left() == ["embedders/net.onnx", "embedders/net.onnx.toml"]
    remove("net.onnx", embedder)
    assert left() == []
    with pytest.raises(NotFoundError, match='No network named "net.onnx"'):
        remove("net.onnx", embedder)


def test_what_came_with_the_program_is_not_removed() -> None:
    bundled = bundled_models_dir("detector")
    bundled.mkdir(parents=True)
    (bundled / "people.onnx").write_bytes(b"small")
    with pytest.raises(UsageError, match="included in Retrace"):
        remove("people", embedder)
    assert (bundled / "people.onnx").is_file()


# Networks of two files, and those that others publish ---------------------------------------------

PARTS = {"net.xml": b"<net>" * 300, "net.bin": b"numbers" * 700}
JOINED = hashlib.sha256(b"".join(PARTS.values())).hexdigest()


def _ir(path: Path, wanted: ModelRole | None) -> ModelRole:
    assert path.name == "net.xml"
    assert path.with_suffix(".bin").read_bytes() == PARTS["net.bin"]
    return "embedder"


ir, any_embedder = files_of(_ir), files_of(lambda path, wanted: "embedder")


@pytest.fixture
def two_files(tmp_path: Path) -> Path:
    for name, content in PARTS.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path / "net.xml"


@pytest.fixture
def publisher(server: FileServer) -> FileServer:
    """Offers both files, and the list says so."""
    server.contents = {f"/zoo/{name}": content for name, content in PARTS.items()}
    files = "".join(
        f'[[network.file]]\nname = "{name}"\nsize_bytes = {len(content)}\n'
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n'
        for name, content in PARTS.items()
    )
    folder = bundled_models_dir("embedder").parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "public.toml").write_text(
        '[[network]]\nname = "net"\nrole = "embedder"\npublisher = "Somebody"\npage = "p"\n'
        f'purpose = "For a test."\naddress = "{server.url("/zoo/")}"\n'
        f'[network.card]\nterms = "Apache-2.0"\nmetrics = {{ rank1 = 0.9 }}\n{files}'
    )
    return server


def test_a_network_of_two_files_is_taken_and_removed_as_one(two_files: Path) -> None:
    end = last(install(str(two_files), ir, sha256=JOINED))
    assert end == Installed("embedder", models_dir("embedder") / "net.xml", JOINED)
    assert left() == ["embedders/net.bin", "embedders/net.xml"]
    last(install(str(two_files), ir))  # the very same once more
    two_files.with_suffix(".bin").write_bytes(b"other numbers")
    with pytest.raises(UsageError, match="already installed"):
        list(install(str(two_files), any_embedder))
    remove("net", embedder)
    assert left() == []


def test_half_a_network_is_refused(two_files: Path) -> None:
    two_files.with_suffix(".bin").unlink()
    with pytest.raises(ModelError, match=r"net\.bin is not next to net\.xml") as caught:
        list(install(str(two_files), ir))
    assert str(two_files.parent) in caught.value.remedy
    assert left() == []


def test_a_public_network_is_installed_by_name_with_its_card(publisher: FileServer) -> None:
    [offered] = public_models()
    assert not offered.is_installed
    end = last(install("net", ir))
    assert (end.role, end.sha256, end.published_as) == ("embedder", JOINED, offered)
    assert offered.is_installed
    assert left() == [f"embedders/net.{ending}" for ending in ("bin", "xml", "xml.card.toml")]
    card = (models_dir("embedder") / "net.xml.card.toml").read_text()
    assert tomllib.loads(card) == {"terms": "Apache-2.0", "metrics": {"rank1": 0.9}}
    asked = len(publisher.ranges)
    with pytest.raises(UsageError, match="already installed"):
        list(install("net.xml", ir))
    assert len(publisher.ranges) == asked


def test_a_public_network_from_a_file_is_known_by_its_content(
    two_files: Path, publisher: FileServer
) -> None:
    renamed = two_files.rename(two_files.with_name("mine.xml"))
    two_files.with_suffix(".bin").rename(two_files.with_name("mine.bin"))
    end = last(install(str(renamed), any_embedder))
    assert end.published_as is not None and end.published_as.name == "net"
    assert "Apache-2.0" in (models_dir("embedder") / "mine.xml.card.toml").read_text()
    assert publisher.ranges == []
    renamed.write_bytes(b"<net>another")
    remove("mine", embedder)
    assert last(install(str(renamed), any_embedder)).published_as is None


def test_what_has_come_of_two_files_is_not_downloaded_again(publisher: FileServer) -> None:
    publisher.cut_after = len(PARTS["net.xml"])
    with pytest.raises(DownloadError, match=r"net\.bin was cut"):
        list(install("net", ir))
    publisher.cut_after = None
    last(install("net", ir))
    assert publisher.ranges == [None, None, f"bytes={len(PARTS['net.xml'])}-"]


def test_a_changed_public_file_is_refused(publisher: FileServer) -> None:
    publisher.contents["/zoo/net.bin"] = b"weights of somebody else"
    with pytest.raises(DownloadError, match=r"net\.bin has the SHA-256"):
        list(install("net", ir))
    assert left() == []


def test_an_address_of_two_files_brings_both(publisher: FileServer) -> None:
    url = publisher.url("/zoo/net.xml?download=true")
    with pytest.raises(ModelError, match=f"has the SHA-256 {JOINED}"):
        list(install(url, ir, sha256="0" * 64))
    assert last(install(url, ir, sha256=JOINED)).sha256 == JOINED


def test_without_a_connection_it_says_what_to_bring(publisher: FileServer) -> None:
    publisher.shutdown()
    publisher.server_close()
    with pytest.raises(DownloadError, match="cannot be reached") as caught:
        list(install("net", ir))
    for name in PARTS:
        assert publisher.url(f"/zoo/{name}") in caught.value.remedy
    assert "`python main.py models install FOLDER/net.xml`" in caught.value.remedy
    assert left() == []
