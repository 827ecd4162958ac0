"""What corrections say of themselves."""

import pytest

from app.core.queries import CameraShare, SearchResult, SearchStage, Transit, TransitUse


@pytest.mark.parametrize(
    ("gap_s", "log_odds", "words"),
    [
        (40.2, 1.5, "seen 40 s later, which is usual"),
        (-190, -0.9, "seen 3 min earlier, which is unusual"),
        (0, 0.8, "seen at the same time, which is usual"),
        (0.3, 0, "seen 1 s later"),
        (119, 0.2, "seen 119 s later"),
        (-3 * 3600, 0, "seen 3 h earlier"),
        (30 * 3600, 0, "seen 30 h later"),
        (3 * 86_400, 0, "seen 3 days later"),
    ],
)
def test_the_time_between_in_words(gap_s: float, log_odds: float, words: str) -> None:
    transit = Transit(gap_s, log_odds)
    assert transit.words() == words
    assert words.endswith(f"is {transit.judgement}" if transit.judgement else words)


def test_the_time_between_in_a_cell() -> None:
    assert [Transit(gap_s, 0).signed() for gap_s in (40, -190, 0)] == ["+40 s", "−3 min", "0 s"]


def test_remarks_are_of_what_is_switched_on() -> None:
    assert SearchResult(SearchStage.RETRIEVED, [], 0, 0.0).remarks() == []
    shares = (CameraShare(1, "cam3", 41, 41 / 71), CameraShare(2, "cam4", 1, 1 / 31))
    result = SearchResult(SearchStage.RETRIEVED, [], 0, 0.0, shares, TransitUse(1, 1, True))
    assert result.remarks() == [
        "Camera mean: cam3: 41 sightings, applied at 58 %; cam4: 1 sighting, applied at 3 %",
        "Transit times: learnt from 1 pair of sightings, between 1 pair of cameras",
    ]
    nothing = SearchResult(SearchStage.RETRIEVED, [], 0, 0.0, (), TransitUse(0, 0, True))
    assert nothing.remarks() == ["Transit times: not enough data yet"]
