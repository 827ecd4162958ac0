"""Downloads from a server on this computer: progress, cuts, checksums, and no network at all."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import DownloadError
from app.services.networks import download as download_module
from app.services.networks.download import Transfer, UnreachableError, download, transfer_text
from tests.file_server import FileServer, serving

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's server has no certificate; and no proxy stands between."""
    monkeypatch.setattr(download_module, "_SCHEMES", ("http",))
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(CONTENT) as running:
        yield running


def fetched(url: str, folder: Path, sha256: str | None = None) -> tuple[Path, list[Transfer]]:
    job, told = download(url, "net.onnx", folder, sha256), []
    while True:
        try:
            told.append(next(job))
        except StopIteration as end:
            return end.value, told


def test_a_file_is_fetched_with_its_progress(server: FileServer, tmp_path: Path) -> None:
    path, told = fetched(server.url(), tmp_path / "new", SHA256)
    assert path == tmp_path / "new" / "net.onnx" and path.read_bytes() == CONTENT
    assert sorted(each.name for each in path.parent.iterdir() if each.name != "lock") == [
        "net.onnx"
    ], "neither part nor note is left"
    whole = [each for each in told if each.total_bytes is not None]
    assert [each.done_bytes for each in whole] == sorted(each.done_bytes for each in whole)
    last = whole[-1]
    assert (last.done_bytes, last.total_bytes) == (len(CONTENT), len(CONTENT))
    assert last.per_s is not None and last.per_s > 0 and last.eta_s == 0


def test_progress_is_told_in_one_line() -> None:
    assert (
        transfer_text(Transfer("yolo11n.pt", 2_500_000, 5_600_000, 1_000_000.0, 3.1))
        == "yolo11n.pt: 2.5 MB of 5.6 MB · 1.0 MB a second · 0:00:03 left"
    )
    assert transfer_text(Transfer("yolo11n.pt", 0)) == "yolo11n.pt: 0.0 MB"


def test_a_cut_download_goes_on_where_it_was_cut(server: FileServer, tmp_path: Path) -> None:
    server.cut_after = 300_000
    with pytest.raises(DownloadError, match=r"cut at 0\.3 MB of 0\.5 MB.*again to continue"):
        fetched(server.url(), tmp_path)
    assert (tmp_path / "net.onnx.part").stat().st_size == 300_000
    server.cut_after = None
    path, told = fetched(server.url(), tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=300000-"]
    assert told[0].done_bytes == 300_000, "what had come counts"


def test_a_file_that_changed_meanwhile_is_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    server.cut_after = 300_000
    with pytest.raises(DownloadError, match="was cut"):
        fetched(server.url(), tmp_path)
    server.cut_after, server.content = None, CONTENT[::-1]
    path, _ = fetched(server.url(), tmp_path)
    assert path.read_bytes() == CONTENT[::-1]


def test_without_a_version_only_a_checksum_lets_it_go_on(
    server: FileServer, tmp_path: Path
) -> None:
    server.versioned, server.cut_after = False, 300_000
    with pytest.raises(DownloadError, match="was cut"):
        fetched(server.url(), tmp_path)
    with pytest.raises(DownloadError, match="was cut"):
        fetched(server.url(), tmp_path)
    server.cut_after = None
    path, _ = fetched(server.url(), tmp_path, SHA256)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, None, "bytes=300000-"]


def test_a_part_that_is_whole_already_is_taken_if_its_checksum_fits(
    server: FileServer, tmp_path: Path
) -> None:
    server.cut_after = len(CONTENT) - 1
    with pytest.raises(DownloadError, match="was cut"):
        fetched(server.url(), tmp_path)
    (tmp_path / "net.onnx.part").write_bytes(CONTENT)
    path, _ = fetched(server.url(), tmp_path, SHA256)
    assert path.read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"has the SHA-256 {SHA256}.*Check the address"):
        fetched(server.url(), tmp_path, "0" * 64)
    assert [each.name for each in tmp_path.iterdir() if each.name != "lock"] == []


def test_a_missing_file_is_told(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1 has no such file"):
        fetched(server.url("/missing.onnx"), tmp_path)


def test_without_a_network_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(UnreachableError, match="example.org cannot be reached: Name or") as caught:
        fetched("http://example.org/net.onnx", tmp_path)
    assert caught.value.remedy == "Connect this computer to the network."
    with serving(b"") as closed:
        url = closed.url()
    monkeypatch.undo()
    monkeypatch.setattr(download_module, "_SCHEMES", ("http",))
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DownloadError, match="cannot be reached: Connection refused"):
        fetched(url, tmp_path)


def test_only_https_is_asked_and_followed(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.moved_to = "ftp://example.org/net.onnx"
    with pytest.raises(DownloadError, match=r"net\.onnx is not an https address"):
        fetched(server.url(), tmp_path)
    monkeypatch.setattr(download_module, "_SCHEMES", ("https",))
    for url in (server.url(), "file:///etc/passwd", "https:///nowhere"):
        with pytest.raises(DownloadError, match="is not an https address"):
            fetched(url, tmp_path)
    assert len(server.ranges) == 1


def test_it_can_be_cancelled_while_the_server_is_silent(server: FileServer, tmp_path: Path) -> None:
    server.stall_after = 100_000
    job = download(server.url(), "net.onnx", tmp_path)
    deadline = time.monotonic() + 10
    while next(job).done_bytes < 100_000:
        assert time.monotonic() < deadline
    next(job)
    job.close()  # does not wait for the server, which says nothing before the test's end
    assert (tmp_path / "net.onnx.part").stat().st_size == 100_000
    server.stall_after = None
    path, _ = fetched(server.url(), tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=100000-"


def test_two_programs_do_not_write_one_file(server: FileServer, tmp_path: Path) -> None:
    server.stall_after = 1000
    first = download(server.url(), "net.onnx", tmp_path)
    next(first)
    with pytest.raises(DownloadError, match="already being downloaded by another program"):
        fetched(server.url(), tmp_path)
    first.close()


def test_too_little_room_is_told_before_it_begins(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = download_module.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(download_module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DownloadError, match=r"has 0\.5 MB, but only 0\.0 MB are free"):
        fetched(server.url(), tmp_path)
