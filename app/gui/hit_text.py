"""How hits are written for people: scores, times, tooltips, sentences for screen readers."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel.dates import format_date

from app.core.clock import format_time
from app.core.queries import percent_text
from app.language import language, listed, tr

if TYPE_CHECKING:
    from app.core.queries import Hit
    from app.services.people.catalog import HitDetails

VERDICT_WORDS = {
    "same": tr("confirmed"),
    "different": tr("rejected"),
    "maybe": tr("maybe"),
    "open": tr("undecided"),
    "thing": tr("not a person"),
}


def count_text(count: int) -> str:
    """A count with a narrow space between thousands: 1 204."""
    return f"{count:,}".replace(",", "\u202f")


def score_text(score: float) -> str:
    """A plain number with two digits and no leading zero (.92): a score is no probability."""
    text = f"{abs(score):.2f}"
    sign = "\u2212" if score < 0 and text != "0.00" else ""
    return sign + (text[1:] if text.startswith("0") else text)


def video_time_text(time_s: float) -> str:
    """Seconds into a video as 04:12 or 1:04:12."""
    minutes, seconds = divmod(int(max(0.0, time_s)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def clock_text(moment: datetime, zone: ZoneInfo) -> str:
    """Time of day in a zone: 10:32:07."""
    return f"{moment.astimezone(zone):%H:%M:%S}"


def day_text(moment: datetime, zone: ZoneInfo) -> str:
    """Day in a zone, without the year: 14 May."""
    return _day(moment.astimezone(zone).date(), tr("d MMM"))


def date_text(moment: datetime, zone: ZoneInfo) -> str:
    """Day in a zone: 14 May 2024."""
    return _day(moment.astimezone(zone).date(), tr("d MMM y"))


@cache
def _day(day: date, pattern: str) -> str:
    """A day as Unicode's patterns for dates say (TR 35), with the months of the language."""
    return format_date(day, pattern, locale=language())


def taken_utc(details: HitDetails) -> datetime | None:
    """When a hit's picture was taken, or None where the clock is unknown.

    Everything that is told of a hit is about this moment, because the player goes there; the
    person may have been in view long before.
    """
    if details.start_utc is None:
        return None
    return details.start_utc + timedelta(seconds=details.box_time_s - details.first_time_s)


def when_text(details: HitDetails, zone: ZoneInfo) -> str:
    """When the picture was taken, as exactly as it is known, with where the clock comes from."""
    into = tr(
        "{time} into {video}",
        time=video_time_text(details.box_time_s),
        video=details.video.name,
    )
    taken = taken_utc(details)
    if taken is None:
        return tr("{into} (start of the recording unknown)", into=into)
    return tr(
        "{time} (by {source}), {into}",
        time=format_time(taken, zone),
        source=details.time_source,
        into=into,
    )


def _seen_text(details: HitDetails, zone: ZoneInfo) -> str:
    """For how long the person was in view, and from when on."""
    seen_s = max(0.0, details.last_time_s - details.first_time_s)
    if details.start_utc is None:
        return tr(
            "In view for {seconds:.1f} s from {start} on",
            seconds=seen_s,
            start=video_time_text(details.first_time_s),
        )
    return tr(
        "In view for {seconds:.1f} s from {start} on",
        seconds=seen_s,
        start=clock_text(details.start_utc, zone),
    )


def tooltip_text(details: HitDetails, hit: Hit, rank: int, zone: ZoneInfo) -> str:
    """Everything that a tile has no room for, one fact a line."""
    lines = [
        tr("{camera}: possible match {rank}", camera=details.camera, rank=rank),
        when_text(details, zone),
        _seen_text(details, zone),
        tr(
            "Similarity {score} (a score for sorting, not a probability)",
            score=score_text(hit.score),
        ),
    ]
    if hit.probability is not None:
        lines.insert(
            3,
            tr(
                "Probability that it is the same person: {percent}, learnt from this library",
                percent=percent_text(hit.probability),
            ),
        )
    if hit.transit is not None:
        words = hit.transit.words()
        lines.insert(3, f"{words[0].upper()}{words[1:]}")
    if details.identity:
        lines.insert(1, tr("Known as {name}", name=details.identity))
    return "\n".join(lines)


def spoken_text(
    details: HitDetails | None, hit: Hit, rank: int, verdict: str | None, zone: ZoneInfo
) -> str:
    """A tile as one sentence for a screen reader."""
    parts = [tr("possible match {rank}, score {score}", rank=rank, score=score_text(hit.score))]
    if hit.probability is not None:
        parts.append(tr("probability {percent}", percent=percent_text(hit.probability)))
    if details is not None:
        if details.identity:
            parts.append(tr("known as {name}", name=details.identity))
        parts.append(details.camera)
        parts.append(when_text(details, zone))
    if hit.transit is not None:
        parts.append(hit.transit.words())
    if verdict in VERDICT_WORDS:
        parts.append(VERDICT_WORDS[verdict])
    return listed(parts)
