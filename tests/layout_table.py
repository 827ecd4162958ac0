"""The table of recorders' layouts in docs/layouts.md, made from `app.core.layouts`.

    python -m tests.layout_table

Run this after adding a row.
"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from app.core.clock import format_time
from app.core.layouts import LAYOUTS
from app.core.name_reading import read_name

TABLE = Path(__file__).parent.parent / "docs" / "layouts.md"
_ZONE = ZoneInfo("Europe/Berlin")
_HEAD = """# Layouts of recorders

What `ingest` reads from file and folder names. This page is generated from
[app/core/layouts.py](../app/core/layouts.py) by `python -m tests.layout_table`. Times without a
zone are in the library's zone, here Europe/Berlin. `ingest --dry-run` shows what Retrace
understands of a folder. A camera in brackets comes from the file name; the folders above it may
override it.

**Sub streams.** Many recorders write the same minutes twice, the second time as a small copy:
Reolink's `RecM…` and `RecS…`, Yi's `record` and `record_sub`, UniFi Protect's `_0_rotating_` and
`_2_rotating_`, Hikvision's `Channels_101` and `102`, and any others with *main* and *sub* (Dahua:
*extra1*) in the file or folder name. Both belong to one camera. If they begin within 10 s of each
other, the small one is listed but not read, unless you use `--sub-streams` (in the window: *Sub
streams, too* when you add footage). If only the small one exists, it is read.

**Dashcams** name positions that every vehicle has. If the library has a `front` already, a `front`
below a different folder belongs to another vehicle and becomes `FOLDER/front`; folders named after
days do not count.

| layout | example | camera | start | zone |
|---|---|---|---|---|
"""


def layout_table() -> str:
    """The page, as Markdown."""
    lines = []
    for layout in LAYOUTS:
        reading = read_name(f"/footage/{layout.example}.mp4")
        assert reading is not None, layout.maker
        start, zone = "from the file", ""
        if reading.start is not None:
            start = format_time(reading.start.utc(_ZONE), _ZONE)
            zone = "the library's" if reading.start.told is None else "stated"
            zone = "always UTC" if layout.zone is not None else zone
        said = f"({reading.said})" if reading.said else "of the folder"
        cells = (layout.maker, f"`{layout.example}`", reading.camera or said, start, zone)
        lines.append(f"| {' | '.join(cells)} |\n")
    return _HEAD + "".join(lines)


if __name__ == "__main__":
    TABLE.write_text(layout_table(), encoding="utf-8")
