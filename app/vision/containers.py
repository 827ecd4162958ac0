"""What each kind of container can do: a row each, so that a quirk of one is a line here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traits:
    """What a kind of container can do.

    Attributes:
        is_indexed: packets carry their times, and an index finds them.
        is_joinable: a byte stream without an index, which recorders join end to end, with clocks
            that start again; it may be entered within a key frame.
        has_whole_packets: a packet is marked as corrupt because the file ends within it.
        announces_length: the header says how long the video is; elsewhere that is an estimate.
        announces_frames: the header counts the frames that are shown.
        counts_packets: times are those of decoding; a seek works where the delay until the picture
            is shown is known.
        tells_local_time: the recorder's local time stands where others write UTC.
    """

    is_indexed: bool = False
    is_joinable: bool = False
    has_whole_packets: bool = False
    announces_length: bool = False
    announces_frames: bool = False
    counts_packets: bool = False
    tells_local_time: bool = False


_INDEXED = Traits(
    is_indexed=True, has_whole_packets=True, announces_length=True, announces_frames=True
)
_STREAM = Traits(is_joinable=True)

# By FFmpeg's names; of several names of one container, one is enough.
_CONTAINERS = {
    "asf": _INDEXED,
    "avi": Traits(
        has_whole_packets=True, announces_length=True, announces_frames=True, counts_packets=True
    ),
    "dhav": Traits(tells_local_time=True),  # Dahua
    "flv": _INDEXED,
    "matroska": _INDEXED,
    # MP4 counts the frames that an edit list hides, too.
    "mov": Traits(is_indexed=True, has_whole_packets=True, announces_length=True),
    "mpeg": _STREAM,
    "mpegts": _STREAM,
    "mxf": Traits(is_indexed=True, announces_length=True, announces_frames=True),
    "nut": Traits(announces_length=True, announces_frames=True),
}


def traits_of(names: str) -> Traits:
    """What a container can do.

    Args:
        names: FFmpeg's, separated by commas: ``mov,mp4,m4a,3gp,3g2,mj2``.
    """
    known = (_CONTAINERS[name] for name in names.split(",") if name in _CONTAINERS)
    return next(known, Traits())
