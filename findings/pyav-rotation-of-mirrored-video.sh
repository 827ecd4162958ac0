#!/bin/sh
# PyAV 18.1.0: VideoFrame.rotation mistakes a mirrored picture for one that is upside down.
#
# Expected: if the display matrix only mirrors a video left to right, its rotation is 0, or shows
# that the picture is mirrored.
# Seen: it is -180, the same as for half a turn, although nothing is rotated. For a video mirrored
# top to bottom, it is 0. Only the display matrix in the frame's side data distinguishes them.
#
# Exit status: 0 if this is still so, 1 if it has changed, 2 if it could not be tested.
set -u
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv" &&
    "$folder/venv/bin/python" -m pip install --quiet av==18.1.0 numpy || exit 2

cat > "$folder/rotation.py" <<'PYTHON'
import sys

import av
import numpy as np

ONE = 1 << 16
matrices = {
    "as stored": (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30),
    "mirrored left to right": (-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30),
    "mirrored top to bottom": (ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30),
    "half a turn": (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30),
}
seen = {}
for name, matrix in matrices.items():
    path = f"{sys.argv[1]}/clip.mp4"
    with av.open(path, "w") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_matrix(list(matrix))
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with av.open(path) as container:
        seen[name] = next(container.decode(video=0)).rotation
    print(f"{name}: rotation {seen[name]}")
same = abs(seen["mirrored left to right"]) == abs(seen["half a turn"]) == 180
sys.exit(0 if same and seen["mirrored top to bottom"] == 0 else 1)
PYTHON
"$folder/venv/bin/python" "$folder/rotation.py" "$folder"
