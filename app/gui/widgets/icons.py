"""The icons, drawn for this project on a 24-unit grid and tinted by a colour token."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.gui.widgets import theme
from app.settings import icon_file

_SIZES_PX = (16, 24, 32, 48)

# Strokes of 1.75 units with round ends; "fill:" marks a filled path.
_PATHS: dict[str, tuple[str, ...]] = {
    "play": ("fill:M8 5.5 L18.5 12 L8 18.5 Z",),
    "pause": ("fill:M7 5.5 H10 V18.5 H7 Z", "fill:M14 5.5 H17 V18.5 H14 Z"),
    "step-back": ("fill:M16.5 6 L8.5 12 L16.5 18 Z", "M6.5 6 V18"),
    "step-forward": ("fill:M7.5 6 L15.5 12 L7.5 18 Z", "M17.5 6 V18"),
    "rewind": ("fill:M12 6 L4.5 12 L12 18 Z", "fill:M20 6 L12.5 12 L20 18 Z"),
    "fast-forward": ("fill:M4 6 L11.5 12 L4 18 Z", "fill:M12 6 L19.5 12 L12 18 Z"),
    "search": ("M10.5 4.5 a6 6 0 1 0 0.01 0 Z", "M15 15 L20 20"),
    "folder": ("M3.5 6.5 H9.5 L11.5 8.5 H20.5 V18.5 H3.5 Z",),
    "folder-add": ("M3.5 6.5 H9.5 L11.5 8.5 H20.5 V18.5 H3.5 Z", "M12 11 V16 M9.5 13.5 H14.5"),
    "camera": ("M3.5 7.5 H15.5 V16.5 H3.5 Z", "M15.5 11 L20.5 8.5 V15.5 L15.5 13"),
    "film": ("M4.5 5.5 H19.5 V18.5 H4.5 Z", "M8 5.5 V18.5 M16 5.5 V18.5 M4.5 12 H19.5"),
    "person": ("M12 4.5 a3.5 3.5 0 1 0 0.01 0 Z", "M5 20 C5 11.5 19 11.5 19 20"),
    "picture": ("M4.5 5.5 H19.5 V18.5 H4.5 Z", "M5 16 L10 11.5 L13 14 L16 11.5 L19 14.5"),
    "check": ("M5 12.5 L10 17.5 L19.5 7",),
    "cross": ("M6 6 L18 18 M18 6 L6 18",),
    "warning": ("M12 4.5 L20.5 19 H3.5 Z", "M12 10 V14 M12 16.4 V16.5"),
    "stop": ("fill:M7 7 H17 V17 H7 Z",),
    "repeat": ("M18.5 8 A7.5 7.5 0 1 0 19.5 12", "M19 4 V8.5 H14.5"),
    "close": ("M7.5 7.5 L16.5 16.5 M16.5 7.5 L7.5 16.5",),
}


def names() -> list[str]:
    """Every icon there is."""
    return sorted(_PATHS)


def icon(name: str, token: str = "text") -> QIcon:
    """An icon in the colours now in force; make it anew when the theme changes.

    Args:
        name: one of `names`.
        token: name of a colour of `theme.Tokens`.
    """
    colours = theme.tokens()
    made = QIcon()
    for mode, colour in (
        (QIcon.Mode.Normal, getattr(colours, token)),
        (QIcon.Mode.Disabled, colours.line),
    ):
        drawing = _drawing(name, colour)
        for size_px in _SIZES_PX:
            made.addPixmap(_rendered(drawing, size_px), mode)
    return made


def logo() -> QIcon:
    """The application's icon."""
    made, drawing = QIcon(), icon_file().read_text(encoding="utf-8")
    for size_px in (*_SIZES_PX, 64, 128, 256):
        made.addPixmap(_rendered(drawing, size_px))
    return made


def _drawing(name: str, colour: str) -> str:
    shapes = []
    for path in _PATHS[name]:
        if path.startswith("fill:"):
            shapes.append(f'<path d="{path.removeprefix("fill:")}" fill="{colour}"/>')
        else:
            shapes.append(
                f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.75" '
                'stroke-linecap="round" stroke-linejoin="round"/>'
            )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">' + "".join(shapes) + "</svg>"
    )


def _rendered(drawing: str, size_px: int) -> QPixmap:
    pixmap = QPixmap(size_px, size_px)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF(0, 0, size_px, size_px))
    painter.end()
    return pixmap
