"""How a configuration names a data set: ``NAME[:FOLDER][#option=value,…]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.errors import TrainerError


@dataclass(frozen=True)
class Entry:
    """A data set as a configuration names it.

    Attributes:
        name: of the data set.
        folder: where it lies; "" where it is to be looked for.
        holdout: how many training identities become query and gallery; 0: none.
        seed: which ones.
        options: what else is said, for the data set's own reader: yes or no each.
    """

    name: str
    folder: str
    holdout: int
    seed: int
    options: Mapping[str, bool]


def parse_entry(text: str) -> Entry:
    """Takes an entry apart.

    Raises:
        TrainerError: it is not of that form.
    """
    place, _, tail = text.partition("#")
    name, _, folder = place.partition(":")
    numbers: dict[str, int] = {}
    options: dict[str, bool] = {}
    for part in tail.split(",") if tail else ():
        key, _, value = part.partition("=")
        if key in ("holdout", "seed"):
            if not value.isdecimal():
                raise _misread(text, f"{key} is a number from 0")
            numbers[key] = int(value)
        elif value in ("true", "false"):
            options[key] = value == "true"
        else:
            raise _misread(text, f'"{key}" is set by =true or =false')
    if "seed" in numbers and "holdout" not in numbers:
        raise _misread(text, "a seed needs a holdout")
    return Entry(name, folder, numbers.get("holdout", 0), numbers.get("seed", 0), options)


def _misread(text: str, rule: str) -> TrainerError:
    return TrainerError(
        f'The data set entry "{text}" cannot be read: {rule}.',
        "Write NAME, NAME:FOLDER or folder:PATH, and options as in market1501#holdout=100,seed=0.",
    )
