"""The pictures of a search: who is in them, and who is meant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from app.cli.output import AnswerTable, box_cell, chatter_on_stderr, print_json
from app.core.errors import NotFoundError, UsageError
from app.core.queries import Example
from app.language import tr, trn

if TYPE_CHECKING:
    from app.core.entities import FloatArray
    from app.services.search.photo import Photo

Box = tuple[float, float, float, float]


def check_chosen(photos: Sequence[tuple[Path, Photo]], box: Box | None, *, as_json: bool) -> None:
    """Lists the people of the first picture in which it is not clear who is meant, if there is one.

    Args:
        photos: files and what is in them.
        box: of the person, as given with the command.
        as_json: the list is one JSON object.

    Raises:
        UsageError: somebody has to be chosen.
        NotFoundError: nobody is in a picture.
    """
    for path, photo in photos:
        if box is not None or photo.only is not None:
            continue
        if len(photo.people) == 0:
            raise NotFoundError(
                tr("Nobody was found in {name}.", name=path.name),
                tr("Give the person's box with --box X1,Y1,X2,Y2, or cut the person out."),
            )
        count = len(photo.people)
        error = UsageError(
            trn(
                "{count} person may be in {name}, not clearly seen.",
                "{count} people may be in {name}; it is not clear who is meant.",
                count,
                name=path.name,
            ),
            tr("Choose with --box, for example --box {box}.", box=_text(photo.people.boxes[0])),
        )
        if as_json:
            found = {"error": str(error), "image": str(path), "people": _as_json(photo)}
            print_json(found)
        else:
            with chatter_on_stderr():
                _print_table(path, photo)
        raise error


def by_photo(path: Path, photo: Photo, box: Box | None) -> tuple[Example, dict[str, Any]]:
    """The query of a picture in which it is clear who is meant, and how it is told."""
    told: dict[str, Any] = {"kind": "image", "image": str(path), "text": path.name}
    chosen = photo.only if box is None else np.array(box, np.float32)
    assert chosen is not None, "checked before"
    if box is None and not photo.is_crop:
        score = float(photo.people.scores[0])
        found = tr(
            "One person was found in {name}: {box}, score {score:.2f}.",
            name=path.name,
            box=_text(chosen),
            score=score,
        )
        typer.echo(found, err=True)
    if box is not None or not photo.is_crop:
        told["box"] = [round(float(side), 1) for side in chosen]
    return photo.query(chosen), told


def _text(box: FloatArray) -> str:
    return ",".join(f"{side:.0f}" for side in box)


def _as_json(photo: Photo) -> list[dict[str, Any]]:
    boxes, scores = photo.people.boxes, photo.people.scores
    return [
        {
            "number": number,
            "box": [round(float(side), 1) for side in box],
            "width_px": round(float(box[2] - box[0])),
            "height_px": round(float(box[3] - box[1])),
            "score": round(float(score), 4),
        }
        for number, (box, score) in enumerate(zip(boxes, scores, strict=True), start=1)
    ]


def _print_table(path: Path, photo: Photo) -> None:
    number, size, score = tr("number"), tr("size"), tr("score")
    title = tr("People in {name}", name=path.name)
    table = AnswerTable(title, (number, tr("box"), size, score), right=(number, size, score))
    for each in _as_json(photo):
        across = f"{each['width_px']} × {each['height_px']}"
        table.add(str(each["number"]), box_cell(each["box"]), across, f"{each['score']:.2f}")
    table.print()
