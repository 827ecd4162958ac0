"""The table of containers speaks FFmpeg's language, and knows what files are."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from app.vision import containers
from app.vision.containers import Traits, traits_of


@pytest.mark.parametrize("name", sorted(containers._CONTAINERS))
def test_every_row_is_a_container_that_ffmpeg_reads(name: str) -> None:
    known = av.ContainerFormat(name, "r")
    assert known.is_input and name in known.name.split(",")
    assert traits_of(known.name) == containers._CONTAINERS[name] != Traits()


@pytest.mark.parametrize(
    ("suffix", "codec", "wanted"),
    [
        (".mkv", "mpeg4", "matroska"),
        (".webm", "vp8", "matroska"),
        (".mp4", "mpeg4", "mov"),
        (".ts", "mpeg2video", "mpegts"),
        (".avi", "mpeg4", "avi"),
        (".ivf", "vp8", None),
    ],
)
def test_a_file_gets_the_row_of_its_container(
    tmp_path: Path, suffix: str, codec: str, wanted: str | None
) -> None:
    path = tmp_path / f"clip{suffix}"
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for grey in range(40, 240, 20):
            picture = np.full((48, 64, 3), grey, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
    with av.open(str(path)) as read:
        row = Traits() if wanted is None else containers._CONTAINERS[wanted]
        assert traits_of(read.format.name) == row
