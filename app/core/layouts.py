"""How recorders name files and folders: one table, a row for each layout.

A pattern is matched against the end of a path without its suffix. ``<name>`` in it stands for one
of `PARTS`; everything else is a regular expression. Rows are tried in order, the first one that
gives a possible time wins. `app.core.name_reading` reads them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo

from app.language import tr

# Zones that programs write by letters, in minutes east of Greenwich. Left out: those that mean
# different zones in different countries (IST).
_ZONES = """
HST-600 AKST-540 AKDT-480 PST-480 PDT-420 MST-420 MDT-360 CST-360 CDT-300 EST-300 EDT-240
WET+0 WEST+60 BST+60 CET+60 CEST+120 EET+120 EEST+180 MSK+180 SGT+480 AWST+480 JST+540 KST+540
ACST+570 AEST+600 ACDT+630 AEDT+660 NZST+720 NZDT+780
"""
ZONE_NAMES = {name: int(minutes) for name, minutes in re.findall(r"([A-Z]+)([+-]\d+)", _ZONES)}
# What may stand in a pattern as <name>. Groups that mean something:
#   camera   who recorded it; `channel` is added to it, `lens` is a letter of `LENSES`, `letter`
#            one whose meaning differs between makers and models, so it stays a letter
#   said     the same, but only believed where the folders do not say more
#   year … second, fraction, half (am or pm), named (a month), offset, epoch (seconds since 1970)
PARTS = {
    "camera": r"(?P<camera>[^/]+?)",
    "said": r"(?P<said>[^/]+?)",
    "channel": r"(?P<channel>\d{1,3})",
    "lens": r"(?P<lens>[FRIT])",
    "letter": r"(?P<letter>[A-D])",
    "year": r"(?P<year>20\d\d)",
    "yy": r"(?P<year>\d\d)",
    "month": r"(?P<month>\d\d)",
    "day": r"(?P<day>\d\d)",
    "hour": r"(?P<hour>\d\d)",
    "minute": r"(?P<minute>\d\d)",
    "second": r"(?P<second>\d\d)",
    "ymd": r"(?P<year>20\d\d)(?P<month>\d\d)(?P<day>\d\d)",
    "date": r"(?P<year>20\d\d)(?P<d>[-_.]?)(?P<month>\d\d)(?P=d)(?P<day>\d\d)",
    "hms": r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)",
    "time": r"(?P<hour>\d\d)(?P<t>[-_.: h])(?P<minute>\d\d)(?:(?P=t)|m(?:in)?)"
    r"(?P<second>\d\d)s?",
    "fraction": r"(?P<fraction>\d{1,6})",
    "epoch": r"(?P<epoch>1\d{9})",
    "word": r"[^/]+?",
    # A time of day anywhere: 10.32.07, 103207, 9.05.07 PM; what follows it may be its zone.
    "clock": r"(?P<hour>\d\d|\d(?=[-_.: h]))(?P<t>[-_.: h]?)(?P<minute>\d\d)(?:(?P=t)|m(?:in)?)"
    r"(?P<second>\d\d)s?(?:\.(?P<fraction>\d{1,6})|(?P<attached>\d{3})(?:ms)?)?(?!\d)"
    r"(?:[\s_]?(?P<half>[AaPp])\.?[Mm]\b\.?)?",
    # UTC, (GMT+2), [UTC+05-30]; Z; +02:00; -05:00.
    "zone": r"(?P<offset>[\s_]?[(\[]?(?:UTC|GMT)"
    r"(?:[+-]\d{1,2}(?:[:_.]?\d\d|-(?:00|15|30|45))?)?(?![A-Za-z\d])"
    r"|[\s_]?[(\[]?(?:" + "|".join(ZONE_NAMES) + r")(?![A-Za-z\d])"
    r"|Z(?![A-Za-z\d])|[\s_]?\+\d\d(?:[-:_.]?(?:00|15|30|45))?(?!\d)"
    r"|\s?-\d\d[-:_.]?(?:00|15|30|45)(?![-:_.]?\d))?",
    "named_month": r"(?P<named>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    r"(?:uary|ruary|ch|il|e|y|ust|t(?:ember)?|ober|ember)?\.?",
    "between": r"(?P<between>[T\s_.@-]?|[_-]{2,3}|\s[-–—]\s|,\s"
    r"|\s[^\W\d]{1,5}(?:\s[^\W\d]{1,5})?\s)",
}
LENSES = {"F": "front", "R": "rear", "I": "interior", "T": "telephoto", "B": "rear"}


@dataclass(frozen=True, slots=True)
class Layout:
    """One way of naming recordings.

    Attributes:
        maker: whose it is, or what it is, in English.
        pattern: see the module.
        zone: the zone that it always writes, or None: the recorder's own.
        example: a path of that layout without its suffix.
        anywhere: the pattern may match anywhere in the file's name, and its first possible time
            counts; what stands before it is what the name `said`.
        in_vehicle: its camera is a position (front, rear) that every vehicle has.
    """

    maker: str
    pattern: str
    example: str
    zone: tzinfo | None = None
    anywhere: bool = False
    in_vehicle: bool = False

    @property
    def words(self) -> str:
        """Whose it is, or what it is, in the user's language."""
        return tr(self.maker)

    def compiled(self) -> re.Pattern[str]:
        """The pattern as a regular expression."""
        body = re.sub(r"(?<!\(\?P)<(\w+)>", lambda part: PARTS[part[1]], self.pattern)
        return re.compile(body if self.anywhere else rf"(?:^|/){body}$")


_AXIS_BLOCK = r"\d{8}_\d{6}_[0-9A-F]{4}_(?P<camera>[0-9A-F]{12})/\d{8}_\d\d/"
_TESLA = r"(?P<camera>front|back|(?:left|right)_(?:repeater|pillar))"
_VIOFO_FOLDERS = r"(?:(?:DCIM|Movie|RO|Parking|Normal|Event|Front|Back|Rear|Inside)/)*"
_DATE_ABOVE = r"<year>[-_./]?<month>[-_./]?<day>/"

LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "Frigate",
        r"<date>/<hour>/<camera>/<minute>\.<second>",
        "recordings/2024-05-14/08/front_door/32.07",
        UTC,
    ),
    Layout(
        "Frigate before 0.12",
        r"<year>-<month>/<day>/<hour>/<camera>/<minute>\.<second>",
        "recordings/2024-05/14/10/front_door/32.07",
    ),
    Layout(
        "Frigate clip",
        r"<camera>-<epoch>\.<fraction>-\w+",
        "clips/front_door-1715675527.123456-0lbwng",
    ),
    Layout(
        "Yi",
        r"(?:<camera>/)?(?:record(?:_sub)?/)?<year>Y<month>M<day>D<hour>H/"
        r"(?:E\d)?<minute>M<second>S\d*",
        "Hall/record/2024Y05M14D10H/E132M07S60",
    ),
    Layout(
        "Xiaomi",
        r"(?:<camera>/)?<year><month><day><hour>/<minute>M<second>S_<epoch>",
        "xiaomi_camera_videos/04cf8cb4/2024051410/32M07S_1715675527",
    ),
    Layout(
        "Wyze",
        r"(?:<camera>/)?(?:(?:record|alarm)/)?<ymd>/<hour>/<minute>",
        "Garage/record/20240514/10/32",
    ),
    Layout(
        "Axis",
        rf"{_AXIS_BLOCK}<ymd>_<hms>_[0-9A-F]{{4}}",
        "20240514/10/20240514_100000_D60B_ACCC8EB0662C/20240514_10/20240514_103207_25CE",
    ),
    Layout(
        # The number behind RecM is the version of the name, not a channel.
        "Reolink card or recorder",
        r"(?:(?:<camera>/)?Mp4Record/(?:\d{4}-\d\d-\d\d/)?)?"
        r"Rec(?:[MS]\d\d)?_(?:DST)?<ymd>_<hms>_\d{3,6}(?:_\w+)?",
        "Gate/Mp4Record/2024-05-14/RecM01_DST20240514_103207_103245_6D28808_1A468F9",
    ),
    Layout(
        "Reolink upload",
        r"<said>_00_<ymd><hms>",
        "2024/05/14/Front Door_00_20240514103207",
    ),
    Layout(
        # A recorder's channel, or the second lens of a camera.
        "Reolink upload, other channels",
        r"(?P<said>[^/]+?_\d\d)_<ymd><hms>",
        "2024/05/14/Garage_01_20240514103207",
    ),
    Layout(
        "UniFi Protect",
        r"<camera> (?:- |(?=[^/]+ GMT))(?P<month>\d{1,2})-(?P<day>\d{1,2})-<year>,\s"
        r"<clock><zone>(?: <word>)?",
        "Front Door - 5-14-2024, 10.32.07am GMT+2 - 5-14-2024, 10.42.07am GMT+2",
    ),
    Layout(
        "UniFi Protect storage",
        r"(?P<camera>[0-9A-F]{12})(?:_\d)?_rotating_<epoch>(?P<attached>\d{3})?(?:_<word>)?",
        "FCECDA1100AB_0_rotating_1715675527000",
    ),
    Layout(
        "UniFi Protect archiver",
        r"<camera> - <date> - <clock><zone>",
        "Front Door/2024/05/14/Front Door - 2024-05-14 - 08.32.07+0000",
    ),
    Layout(
        "Dahua",
        r"(?:<camera>/)?<date>/<channel>/(?:dav|mp4)/\d\d/(?:\d\d/)?"
        r"<time>-\d\d\.\d\d\.\d\d(?:\[<word>)?",
        "192.168.1.10/2024-05-14/001/dav/10/10.32.07-10.40.00[R][0@0][0]",
    ),
    Layout(
        "Hikvision",
        r"(?P<said>(?:[ADV]|ch|(?:IP)?Camera ?)\d{1,3})_S?<ymd><hms>(?:_E?\d{14})?",
        "D01_S20240514103207_E20240514104207",
    ),
    Layout(
        "Hikvision client",
        r"(?P<said>\d{1,3}(?:\.\d{1,3}){3}_\d\d)_<ymd><hms>(?P<attached>\d{3})?",
        "192.168.1.64_01_20240514103207123",
    ),
    Layout("Blue Iris", r"<said>\.<ymd>_<hms>(?:\.<word>)?", "New/Cam1.20240514_103207"),
    Layout(
        "Synology",
        r"<camera>/\d{8}(?:AM|PM)/<word>-?<ymd>-<hms>(?:-<epoch>(?:\d{3})?)?",
        "Front Door/20240514AM/Front Door-20240514-103207-1715675527",
    ),
    Layout(
        "MediaMTX",
        r"<camera>/<date>_<time>-(?P<fraction>\d{6})",
        "recordings/cam1/2024-05-14_10-32-07-123456",
    ),
    Layout(
        "ZoneMinder",
        r"<camera>/<yy>/<month>/<day>/<hour>/<minute>/<second>/\d+-video(?:\.h26[45])?",
        "events/1/24/05/14/10/32/07/1234-video",
    ),
    Layout(
        "ZoneMinder by day",
        r"<camera>/\d{4}-\d\d-\d\d/(?P<event>\d+)/(?P=event)-video(?:\.h26[45])?",
        "events/1/2024-05-14/1234/1234-video",
    ),
    Layout(
        "Agent DVR",
        r"(?:video/<camera>/)?(?P<said>\d{1,4})_<date>_<time>_(?P<fraction>\d{3})",
        "video/KITCHEN/1_2024-05-14_10-32-07_123",
    ),
    Layout(
        "Tesla",
        r"(?:(?:Saved|Sentry|Recent)Clips/)?(?:\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d/)?"
        rf"<date>_<time>-{_TESLA}",
        "TeslaCam/SavedClips/2024-05-14_10-33-00/2024-05-14_10-32-07-left_repeater",
        in_vehicle=True,
    ),
    Layout(
        "Viofo",
        rf"{_VIOFO_FOLDERS}<year>_?<month><day>_?<hms>_"
        r"(?:\d{3,6}[PE]?|[PE]?(?=[FRIT]$))<lens>?",
        "DCIM/Movie/2024_0514_103207_000001F",
        in_vehicle=True,
    ),
    Layout(
        "Axon",
        r"A(?:xon|XON)[ _][^/]*Video[ _]<year>-<month>-<day>[ _]<hour><minute>"
        r"(?:[ _](?P<said>[A-Z\d]{6,}))?",
        "Axon_Body_3_Video_2024-05-14_1032_D01A1234",
    ),
    Layout(
        # A is the front; B is the interior of one model, the rear of another.
        "Vantrue, and others with lettered lenses",
        rf"{_VIOFO_FOLDERS}<year>_?<month><day>_?<hms>_\d{{3,6}}_?(?:[A-Z]_)?<letter>",
        "Normal/20240514_103207_0001_N_A",
        in_vehicle=True,
    ),
    Layout(
        "BlackVue",
        r"(?:Record/)?<ymd>_<hms>_[A-Z]<lens>[LS]?",
        "BlackVue/Record/20240514_103207_NF",
        in_vehicle=True,
    ),
    Layout(
        "70mai",
        rf"{_VIOFO_FOLDERS}[A-Z]{{2}}<ymd>-<hms>-\d{{6}}(?P<lens>[FRIB])?",
        "Normal/Front/NO20240514-103207-000001F",
        in_vehicle=True,
    ),
    Layout(
        "Nextbase",
        r"<yy><month><day>_<hms>_\d{3}_<lens>[HL]",
        "240514_103207_001_FH",
        in_vehicle=True,
    ),
    Layout(
        "Thinkware",
        r"(?:REC|EVT|MOT|MAN|PRK)_<year>_<month>_<day>_<hour>_<minute>_<second>_<lens>",
        "REC_2024_05_14_10_32_07_F",
        in_vehicle=True,
    ),
    Layout(
        "Blink",
        r"(?:blink\w*/)?(?:\d\d-\d\d/)?<yy>-<month>-<day>/<time>_<camera>_\d+",
        "blink/24-05/24-05-14/08-32-07_Front Door_123",
        UTC,
    ),
    Layout(
        "Aqara",
        r"(?P<camera>lumi\d*\.\w+)/<ymd>/<hms>",
        "aqara_video/lumi1.54ef44457bc9/20240514/083207",
        UTC,
    ),
    Layout(
        "exacqVision",
        r"<year>/<month>/<day>/<hour>/<minute><second>-(?P<camera>[0-9A-Fa-f]{8})",
        "2024/05/14/10/3207-00160380",
    ),
    # motionEye's default, Shinobi, ZLMediaKit and many others: the date is in a folder.
    Layout(
        "motionEye",
        rf"(?:<camera>/)?{_DATE_ABOVE}(?:\d\d/)?(?:[A-Z]\d?)?<time>(?:\D<word>)?",
        "Camera1/2024-05-14/10-32-07",
    ),
    Layout(
        "camera below the date",
        rf"{_DATE_ABOVE}<camera>/(?:\d\d/)?(?:[A-Z]\d?)?<time>(?:\D<word>)?",
        "2024-05-14/Camera1/10-32-07",
    ),
    Layout(
        "time without separators, camera above the date",
        rf"(?:<camera>/)?{_DATE_ABOVE}(?:\d?[A-Z])?<hms>(?:[-_.]<word>)?",
        "Camera1/20240514/103207",
    ),
    Layout(
        "time without separators, camera below the date",
        rf"{_DATE_ABOVE}<camera>/<hms>(?:[-_.]<word>)?",
        "20240514/Camera1/103207",
    ),
    Layout(
        "camera and time below the date",
        rf"{_DATE_ABOVE}<camera>-\d\d-<hms>-\d{{6}}",
        "2024-05-14/Driveway-00-103207-103300",
    ),
    Layout(
        "date and hour in folders, camera below",
        rf"{_DATE_ABOVE}<hour>/<camera>/<minute>[-_.]<second>",
        "2024/05/14/10/Camera1/32-07",
    ),
    Layout(
        "date and hour in folders",
        rf"(?:<camera>/)?{_DATE_ABOVE}<hour>h?/<minute>(?:[-_.m]<second>s?)?",
        "Camera1/2024-05-14/10/32-07",
    ),
    Layout(
        "date and time in the name",
        r"(?<!\d)(?P<year>20\d\d)(?P<d>[-._]?)(?P<month>\d\d)(?P=d)(?P<day>\d\d)"
        r"<between><clock><zone>",
        "Screen Recording 2024-05-14 at 10.32.07 PM",
        anywhere=True,
    ),
    Layout(
        "date and time in the name, day or month first",
        r"(?<!\d)(?P<first>\d{1,2})(?P<d>[-._])(?P<other>\d{1,2})(?P=d)(?P<year>20\d\d)"
        r"<between><clock><zone>",
        "Lobby 14.05.2024 10-32-07",
        anywhere=True,
    ),
    Layout(
        "date, hour and minute in the name",
        r"(?<!\d)(?P<year>20\d\d)(?P<d>[-._])(?P<month>\d\d)(?P=d)(?P<day>\d\d)"
        r"<between>(?P<hour>\d\d)[-_.:h](?P<minute>\d\d)(?![-_.:\d])",
        "Lobby 2024-05-14 10-32",
        anywhere=True,
    ),
    Layout(
        "name and time below the date",
        rf"{_DATE_ABOVE}(?:\d\d/)?<said>[ _-]<time>(?:\D<word>)?",
        "2024-05-14/Driveway_10-32-07",
    ),
    Layout(
        # Behind other names, six digits may be a counter.
        "camera number and time below the date",
        rf"{_DATE_ABOVE}(?:\d\d/)?(?P<said>(?i:cam(?:era)?|ch(?:annel)?)[ _-]?\d{{1,3}})[ _-]<hms>"
        r"(?:[-_.]<word>)?",
        "20240514/cam7_103207",
    ),
    Layout(
        "date and time with 年, 月 and 日",
        r"(?<!\d)(?P<year>20\d\d)年(?P<month>\d\d?)月(?P<day>\d\d?)日[\s_-]?"
        r"(?P<half>[上下]午)?\s?(?P<hour>\d\d?)[-_.:时時点點](?P<minute>\d\d?)(?:[-_.:分](?:(?P<second>\d\d?)秒?)?)?",
        "Lobby 2024年5月14日 10时32分7秒",
        anywhere=True,
    ),
    Layout(
        "day, month's name and year",
        r"(?<![A-Za-z\d])(?P<day>\d\d?)(?P<d>[-_. ]?)<named_month>(?:(?P=d)|[,\s])"
        r"(?P<year>20\d\d)<between><clock><zone>",
        "Lobby 14 May 2024 10-32-07",
        anywhere=True,
    ),
    Layout(
        "month's name, day and year",
        r"(?<![A-Za-z\d])<named_month>[-_. ]?(?P<day>\d\d?)(?:[-_.]|,?\s)"
        r"(?P<year>20\d\d)<between><clock><zone>",
        "Lobby May 14, 2024 at 10.32.07 AM",
        anywhere=True,
    ),
    # Ten digits beside other text are a serial number as often as a time.
    Layout("Unix time", r"<epoch>(?P<attached>\d{3})?", "Camera1/1715675527"),
    Layout("Unix time of start and end", r"<epoch>-1\d{9}", "1715675527-1715675540"),
    Layout(
        "Unix time with a fraction",
        r"(?:<said>[-_])?<epoch>\.<fraction>(?:[-_]<word>)?",
        "front_door-1715675527.123456",
    ),
)
