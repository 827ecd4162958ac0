import av
import cv2
import numpy as np
import pytest


@pytest.fixture
def video(tmp_path):
    """Three seconds at 10 fps; the picture gets brighter with time."""
    folder = tmp_path / "yard"
    folder.mkdir()
    file = folder / "cam1.mp4"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(30):
            pixels = np.full((64, 96, 3), 8 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return file


@pytest.fixture
def scenes(tmp_path):
    """What `synthesize scenes --labels yolo` leaves, with a bright bar for a person."""
    root = tmp_path / "scenes"
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    for world in (1, 2):
        for frame in range(4):
            stem = f"world{world:03d}_cam1_{frame + 1:06d}"
            pixels = np.full((64, 96, 3), 40, np.uint8)
            x = 10 + 15 * frame
            pixels[16:48, x : x + 12] = 250
            cv2.imwrite(str(root / "images" / f"{stem}.jpg"), pixels)
            label = f"0 {(x + 6) / 96:.6f} 0.5 {12 / 96:.6f} 0.5\n"
            (root / "labels" / f"{stem}.txt").write_text(label)
    return root
