"""How a configuration names a data set: ``NAME[:FOLDER][#option=value,…]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from trainer.errors import TrainerError

OptionKind = Literal["yes or no", "number", "names"]
Option = bool | int | tuple[str, ...]
# Options that leave something to the seed.
_CHANCE = frozenset({"holdout", "most"})


@dataclass(frozen=True)
class Entry:
    """A data set as a configuration names it.

    Attributes:
        name: of the data set.
        folder: where it lies; "" where it is to be looked for.
        holdout: how many training identities become query and gallery; 0: none.
        seed: of whatever the entry leaves to chance.
        options: what else is said, for the data set's own reader, as written.
    """

    name: str
    folder: str
    holdout: int
    seed: int
    options: Mapping[str, str]

    @property
    def spelled(self) -> str:
        """All options, with the seed where something depends on it; "" without any."""
        told: dict[str, object] = {"holdout": self.holdout} if self.holdout else {}
        told |= self.options
        if _CHANCE & told.keys():
            told["seed"] = self.seed
        return ",".join(f"{key}={value}" for key, value in told.items())


def parse_entry(text: str) -> Entry:
    """Takes an entry apart. A comma within an option's value does not end it: ``without=a,b``.

    Raises:
        TrainerError: it is not of that form.
    """
    place, _, tail = text.partition("#")
    name, _, folder = place.partition(":")
    options: dict[str, str] = {}
    key = ""
    for part in tail.split(",") if tail else ():
        left, equals, right = part.partition("=")
        if equals:
            key = left
            options[key] = right
        elif key:
            options[key] += f",{part}"
        else:
            raise _misread(text, f'"{part}" is not of the form option=value')
    if "seed" in options and not _CHANCE & options.keys():
        raise _misread(text, "a seed needs a holdout, or most")
    holdout, seed = (
        _number(text, key, options.pop(key)) if key in options else 0 for key in ("holdout", "seed")
    )
    return Entry(name, folder, holdout, seed, options)


def option_value(text: str, key: str, kind: OptionKind, value: str) -> Option:
    """The value of a data set's own option.

    Args:
        text: the whole entry, for messages.
        key: name of the option.
        kind: what it takes.
        value: as written.

    Raises:
        TrainerError: it is not of that kind.
    """
    if kind == "number":
        return _number(text, key, value)
    if kind == "names":
        return tuple(name for each in value.split(",") if (name := each.strip()))
    if value not in ("true", "false"):
        raise _misread(text, f'"{key}" is set by =true or =false')
    return value == "true"


def _number(text: str, key: str, value: str) -> int:
    if not value.isdecimal():
        raise _misread(text, f"{key} is a number from 0")
    return int(value)


def _misread(text: str, rule: str) -> TrainerError:
    return TrainerError(
        f'The data set entry "{text}" cannot be read: {rule}.',
        "Write NAME, NAME:FOLDER or folder:PATH, and options as in market1501#holdout=100,seed=0.",
    )
