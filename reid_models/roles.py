"""The three roles of networks, and what cameras are to them; light, without torch."""

from typing import Literal

Role = Literal["embedder", "aggregator", "reranker"]

# What a camera gets that was not in the training: the mean of the known cameras' rows, no camera
# information at all, or a NetworkError.
UnknownCamera = Literal["mean", "none", "error"]
# The id of such a camera.
UNKNOWN_CAMERA = -1
