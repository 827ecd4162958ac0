"""Errors that a user can do something about. Anything else that is raised is a bug."""

from __future__ import annotations

from app.language import sentences


class UserFacingError(Exception):
    """A problem told in one sentence, with what to do about it.

    Attributes:
        message: what happened, to what; a whole sentence.
        remedy: what the user can do; a whole sentence, or empty where nothing can be done.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return sentences(self.message, self.remedy)


class UsageError(UserFacingError):
    """What was asked for cannot be meant so: a wrong option, an empty folder, an unknown name."""


class SeenTogetherError(UserFacingError):
    """Two sightings would be one person, though a frame shows both; the user may insist."""


class NotFoundError(UserFacingError):
    """A tracklet, video, camera or file that was named does not exist."""


class SettingsError(UserFacingError):
    """The settings file holds an unknown key or a value of the wrong type."""


class LibraryError(UserFacingError):
    """A library cannot be opened, or no longer be written to."""


class LibraryInUseError(LibraryError):
    """Another running program has the library open."""


class LibraryTooNewError(LibraryError):
    """The library was written by a newer version of the program."""


class VideoError(UserFacingError):
    """A file or folder cannot be read as a video."""


class TruncatedVideoError(VideoError):
    """A video ends before its header says so; what came before has been decoded."""


class ModelError(UserFacingError):
    """A weights file is missing, damaged, or not of the kind that is needed.

    Attributes:
        role: of the networks (`app.core.networks.ModelRole`), where choosing another file of that
            kind would help.
    """

    def __init__(self, message: str, remedy: str = "", role: str | None = None) -> None:
        super().__init__(message, remedy)
        self.role = role


class DownloadError(UserFacingError):
    """A file cannot be fetched, or is not the one that was meant."""
