#!/bin/sh
# PyAV 18.1.0 (FFmpeg's libavformat 62): the average rate of a bare H.264 stream is wrong.
#
# Expected: if the headers (VUI) of a stream say 10 frames per second, the average rate is 10, or
# missing, because bare streams contain no times.
# Seen: it is 25, whatever the headers say. Only the codec context (framerate) and guessed_rate
# have the rate from the headers.
#
# Exit status: 0 if this is still so, 1 if it has changed, 2 if it could not be tested.
set -u
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv" &&
    "$folder/venv/bin/python" -m pip install --quiet av==18.1.0 numpy || exit 2

cat > "$folder/rate.py" <<'PYTHON'
import sys

import av
import numpy as np

path = f"{sys.argv[1]}/clip.264"
with av.open(path, "w", format="h264") as output:
    stream = output.add_stream("libx264", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for number in range(40):
        image = np.full((48, 64, 3), 6 * number, np.uint8)
        frame = av.VideoFrame.from_ndarray(image, "rgb24")
        frame.pts = number
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
with av.open(path) as container:
    stream = container.streams.video[0]
    rates = stream.average_rate, stream.codec_context.framerate, stream.guessed_rate
    print("average_rate %s, framerate of the codec context %s, guessed_rate %s" % rates)
sys.exit(0 if (rates[0], rates[1]) == (25, 10) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/rate.py" "$folder"
