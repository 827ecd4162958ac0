"""Names that look like markup are shown as they are."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from window_fakes import make_video

from app.gui.player.player_panel import PlayerPanel
from app.gui.widgets.elided_label import ElidedLabel
from app.gui.widgets.plain import plain_label, plain_tip


def test_a_label_shows_every_sign(qtbot) -> None:
    label = plain_label("<h1>cam 1</h1>")
    qtbot.addWidget(label)
    usual = QLabel("cam 1")
    qtbot.addWidget(usual)
    assert label.sizeHint().width() > usual.sizeHint().width()
    assert label.sizeHint().height() == usual.sizeHint().height()


def test_a_tooltip_is_markup_only_where_it_would_be_taken_for_it() -> None:
    assert plain_tip("a & b") == "a & b"
    assert "&lt;h1&gt;cam 1&lt;/h1&gt;" in plain_tip("<h1>cam 1</h1>")


def test_the_players_header_and_the_list_of_videos_take_no_markup(qtbot) -> None:
    from test_sources_panel import CAM1, ZONE, entries

    from app.gui.footage.sources_panel import SourcesPanel

    player, sources = PlayerPanel(), SourcesPanel()
    qtbot.addWidget(player)
    qtbot.addWidget(sources)
    for label in (player.camera_label, player.moment_label):
        assert label.textFormat() is Qt.TextFormat.PlainText
    player.set_header("cam1", "<i>noon</i>", "<h1>/v/a.mp4</h1>")
    assert "&lt;h1&gt;/v/a.mp4" in player.camera_label.toolTip()
    elided = ElidedLabel()
    qtbot.addWidget(elided)
    elided.set_whole("<h1>cam 1</h1>")
    assert "&lt;h1&gt;cam 1" in elided.toolTip()
    assert elided.whole() == "<h1>cam 1</h1>"
    sources.show_sources(
        entries(make_video(1, Path("/v/<b>a.mp4"), camera=CAM1)), frozenset(), ZONE
    )
    tip = sources._items["video", 1].toolTip(0)
    assert "&lt;b&gt;a.mp4" in tip
