"""The tables of a library. Rows never leave this package; what changes here needs a migration."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
from sqlalchemy import (
    JSON,
    Dialect,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from app.core.entities import FloatArray


class UtcTime(TypeDecorator[datetime]):
    """A timezone-aware moment, stored as POSIX seconds so that SQL can reckon with it."""

    impl = Float
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> float | None:
        """Refuses times without a zone: nobody could tell what they meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a stored time needs a time zone, got {value.isoformat()}")
        return value.timestamp()

    def process_result_value(self, value: float | None, dialect: Dialect) -> datetime | None:
        """Back to a moment in UTC."""
        return None if value is None else datetime.fromtimestamp(value, UTC)


class LocalTime(TypeDecorator[datetime]):
    """What a clock showed, without a zone, stored as ISO 8601."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Refuses times with a zone: those are moments."""
        if value is None:
            return None
        if value.tzinfo is not None:
            raise ValueError(f"a clock's time has no time zone, got {value.isoformat()}")
        return value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Back to a time without a zone."""
        return None if value is None else datetime.fromisoformat(value)


class Box(TypeDecorator[FloatArray]):
    """A box, float32 (4,) xyxy in pixels, stored as its 16 bytes."""

    impl = LargeBinary(16)
    cache_ok = True

    def process_bind_param(self, value: FloatArray | None, dialect: Dialect) -> bytes | None:
        """Little-endian on every machine."""
        return None if value is None else value.astype("<f4").tobytes()

    def process_result_value(self, value: Any, dialect: Dialect) -> FloatArray | None:
        """A copy that the caller owns."""
        return None if value is None else np.frombuffer(value, "<f4").astype(np.float32)


class Base(DeclarativeBase):
    """Every constraint has a name, because later migrations must be able to drop it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: UtcTime, float: Float}


class SettingRow(Base):
    """Something the library remembers about itself."""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class ModelRow(Base):
    """The weights that the library was last used with, one for each role."""

    __tablename__ = "models"
    role: Mapped[str] = mapped_column(primary_key=True)
    model_id: Mapped[str]
    path: Mapped[str]
    sha256: Mapped[str]


class SourceRootRow(Base):
    """A folder that footage was read from; the only absolute paths in the database."""

    __tablename__ = "source_roots"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(unique=True)


class CameraRow(Base):
    """A viewpoint with its clock, see `app.core.camera_clock.CameraClock`.

    Attributes:
        also_called: names it had before it was renamed, or those of cameras merged into it.
    """

    __tablename__ = "cameras"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    zone: Mapped[str] = mapped_column(default="")
    offset_s: Mapped[float] = mapped_column(default=0.0)
    drift_s_per_day: Mapped[float] = mapped_column(default=0.0)
    reference_utc: Mapped[datetime | None]
    also_called: Mapped[list[str]] = mapped_column(JSON, default=list)


class WayLimitsRow(Base):
    """What was set for the way between two cameras, that of the lower id first."""

    __tablename__ = "way_limits"
    one_id: Mapped[int] = mapped_column(
        ForeignKey("cameras.id", ondelete="CASCADE"), primary_key=True
    )
    other_id: Mapped[int] = mapped_column(
        ForeignKey("cameras.id", ondelete="CASCADE"), primary_key=True
    )
    min_s: Mapped[float | None]
    max_s: Mapped[float | None]


class VideoRow(Base):
    """A video and how far it has come.

    Attributes:
        options: how it was ordered last, as plain values; null if it never was. Those of the
            analysis that is stored, once there is one.
    """

    __tablename__ = "videos"
    __table_args__ = (
        UniqueConstraint("source_root_id", "relative_path", "view"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("cameras.id"), index=True)
    source_root_id: Mapped[int] = mapped_column(ForeignKey("source_roots.id"))
    relative_path: Mapped[str]
    view: Mapped[int] = mapped_column(default=0)
    content_hash: Mapped[str] = mapped_column(index=True)
    size_bytes: Mapped[int]
    mtime_ns: Mapped[int]
    status: Mapped[str]
    problem: Mapped[str] = mapped_column(default="")
    width_px: Mapped[int]
    height_px: Mapped[int]
    fps: Mapped[float]
    frame_count: Mapped[int | None]
    duration_s: Mapped[float | None]
    start_utc: Mapped[datetime | None]
    start_source: Mapped[str]
    start_local: Mapped[datetime | None] = mapped_column(LocalTime)
    analysed_fps: Mapped[float | None]
    detector_id: Mapped[str | None]
    committed_s: Mapped[float] = mapped_column(default=0.0)
    committed_frame: Mapped[int] = mapped_column(default=0)
    options: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class QueueRow(Base):
    """A video that is ordered and not through yet: what a killed program goes on with.

    Attributes:
        place: the lowest is the next.
        options: how it is to be ingested, as plain values.
        crashes: how often the program crashed at it since something of it was stored.
    """

    __tablename__ = "queue"
    video_id: Mapped[int] = mapped_column(
        ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True
    )
    place: Mapped[int]
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    crashes: Mapped[int] = mapped_column(default=0, server_default="0")


class AnalysisStateRow(Base):
    """What the stages of a video knew at its committed time; deleted when it is finished.

    A table of its own: videos are listed all the time.
    """

    __tablename__ = "analysis_states"
    video_id: Mapped[int] = mapped_column(
        ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True
    )
    data: Mapped[bytes]


class IdentityRow(Base):
    """A person confirmed by the user."""

    __tablename__ = "identities"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    colour: Mapped[str] = mapped_column(default="")
    notes: Mapped[str] = mapped_column(default="")


class TrackletRow(Base):
    """A tracklet. Ids are never used again: an index may still hold those of deleted ones.

    Attributes:
        is_person: False if the user said that it shows a thing; then it is in no list and search.
    """

    __tablename__ = "tracklets"
    __table_args__ = (UniqueConstraint("video_id", "number"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    number: Mapped[int]
    first_time_s: Mapped[float]
    last_time_s: Mapped[float]
    identity_id: Mapped[int | None] = mapped_column(
        ForeignKey("identities.id", ondelete="SET NULL"), index=True
    )
    is_person: Mapped[bool] = mapped_column(default=True, server_default="1")


class TrajectoryRow(Base):
    """Boxes of a tracklet, a row for what was stored at one time.

    A table of its own keeps `tracklets` small enough to be scanned.
    """

    __tablename__ = "trajectories"
    tracklet_id: Mapped[int] = mapped_column(
        ForeignKey("tracklets.id", ondelete="CASCADE"), primary_key=True
    )
    part: Mapped[int] = mapped_column(primary_key=True)
    first_time_s: Mapped[float]
    last_time_s: Mapped[float]
    data: Mapped[bytes]


class CropRow(Base):
    """A crop on disk. The best of a tracklet is its thumbnail."""

    __tablename__ = "crops"
    id: Mapped[int] = mapped_column(primary_key=True)
    tracklet_id: Mapped[int] = mapped_column(
        ForeignKey("tracklets.id", ondelete="CASCADE"), index=True
    )
    relative_path: Mapped[str] = mapped_column(unique=True)
    frame_index: Mapped[int]
    time_s: Mapped[float]
    box: Mapped[FloatArray] = mapped_column(Box)
    quality: Mapped[float]
    is_best: Mapped[bool]


Index("uq_crops_best", CropRow.tracklet_id, unique=True, sqlite_where=CropRow.is_best)


class EmbeddingRow(Base):
    """A tracklet's vector by one embedder, float32 little-endian, L2-normalised."""

    __tablename__ = "embeddings"
    tracklet_id: Mapped[int] = mapped_column(
        ForeignKey("tracklets.id", ondelete="CASCADE"), primary_key=True
    )
    embedder_id: Mapped[str] = mapped_column(primary_key=True)
    vector: Mapped[bytes]


class DecisionRow(Base):
    """What the user said about two tracklets, or changed about a person.

    The rows are the journal, in order of their ids.

    Attributes:
        verdict: of `app.core.entities.Decision`, or what a `PersonEdit` or a `SightingEdit` is
            about; such a row has neither tracklets nor anchors.
        state: "stands", "undone" (can be redone), or "dropped": undone, then another was made.
        changes: what it did to identities, as JSON, so that it can be undone; null for decisions
            of before there was a journal. See `app.storage.people_rows`.

    A decision outlives its tracklets: content hash, time and box of both say whom it was about,
    so that it can be attached again after another ingest. Until then its ids are null.
    """

    __tablename__ = "decisions"
    id: Mapped[int] = mapped_column(primary_key=True)
    tracklet_id: Mapped[int | None] = mapped_column(
        ForeignKey("tracklets.id", ondelete="SET NULL"), index=True
    )
    other_id: Mapped[int | None] = mapped_column(
        ForeignKey("tracklets.id", ondelete="SET NULL"), index=True
    )
    verdict: Mapped[str]
    state: Mapped[str] = mapped_column(default="stands")
    changes: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    decided_utc: Mapped[datetime]
    tracklet_content_hash: Mapped[str | None]
    tracklet_time_s: Mapped[float | None]
    tracklet_box: Mapped[FloatArray | None] = mapped_column(Box)
    other_content_hash: Mapped[str | None]
    other_time_s: Mapped[float | None]
    other_box: Mapped[FloatArray | None] = mapped_column(Box)
