"""Footage of a stored video is opened as it was read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from app.bootstrap import open_source
from app.core.entities import VideoInfo, VideoStatus
from app.services.footage.stored_footage import open_stored
from app.storage.library import Library


def test_pictures_that_were_put_right_after_they_failed_can_be_shown(tmp_path: Path) -> None:
    """What failed is stored without a frame rate."""
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(1, 4):
        cv2.imwrite(str(frames / f"img_{number:04d}.jpg"), np.full((48, 64, 3), 90, np.uint8))
    first = frames / "img_0001.jpg"
    with Library.open(tmp_path / "library", create=True) as library:
        info = VideoInfo(first, "cam1", 0, 0, 0.0, None, None)
        video = library.add_video(frames, info, "", 1, 1)
        library.finish_video(video.id, VideoStatus.FAILED, problem="img_0001.jpg is damaged.")
        source = open_stored(library.video(video.id), library.timezone, open_source)
        try:
            assert (source.info.width_px, source.info.height_px) == (64, 48)
            assert source.info.fps > 0
        finally:
            source.close()
