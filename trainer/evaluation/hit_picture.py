"""A picture of ranked lists: queries on the left, their best hits framed as right or wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pictures
from PIL import ImageDraw

from reid_models.preprocessing import resized
from trainer.data.files import read_image
from trainer.data.samples import Sample
from trainer.errors import TrainerError
from trainer.evaluation.distances import nearest
from trainer.evaluation.evaluator import Ranked
from trainer.evaluation.ranking import own_entries
from trainer.metrics import IntArray

TILE_PX = (128, 64)  # height, width
_FRAME_PX, _GAP_PX, _TEXT_PX = 4, 6, 14
# Told apart with any colour vision; a wrong hit also has a cross.
RIGHT, WRONG, NEUTRAL = (0, 158, 115), (213, 94, 0), (90, 90, 90)


def draw_hits(ranked: Ranked, path: Path, queries: int = 10, hits: int = 10) -> None:
    """Draws queries from the worst to the best average precision, evenly chosen, with their hits.

    Args:
        ranked: what is shown; entries that the protocol leaves out are left out.
        path: PNG or JPEG to write.
        queries: rows, at most.
        hits: columns, at most.

    Raises:
        TrainerError: an image that cannot be read, or a picture that cannot be written.
    """
    rows = chosen_queries(ranked, queries)
    hits = min(hits, len(ranked.trial.gallery))
    row_px, column_px = TILE_PX[0] + _TEXT_PX + _GAP_PX, TILE_PX[1] + _GAP_PX
    size = ((hits + 1) * column_px + 3 * _GAP_PX, len(rows) * row_px + _GAP_PX)
    picture = Pictures.new("RGB", size, "white")
    for line, row in enumerate(rows):
        top = _GAP_PX + line * row_px
        query = ranked.trial.query[row]
        place = ranked.scores.queries.searchsorted(row)
        precision = f"AP {ranked.scores.average_precision[place]:.2f}"
        _tile(picture, (_GAP_PX, top), query, NEUTRAL, precision)
        for number, column in enumerate(best_hits(ranked, row, hits)):
            hit = ranked.trial.gallery[column]
            colour = RIGHT if hit.identity == query.identity else WRONG
            left = 3 * _GAP_PX + (number + 1) * column_px
            _tile(picture, (left, top), hit, colour, f"{number + 1}: camera {hit.camera + 1}")
    try:
        picture.save(path)
    except (OSError, ValueError) as error:
        raise TrainerError(
            f"The picture {path} cannot be written: {getattr(error, 'strerror', None) or error}.",
            "Make room on the disk, or name a file in an existing folder, *.png or *.jpg.",
        ) from error


def chosen_queries(ranked: Ranked, count: int) -> list[int]:
    """Rows of queries, evenly chosen from the worst to the best average precision."""
    order = np.argsort(ranked.scores.average_precision, kind="stable")
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return [int(ranked.scores.queries[order[place]]) for place in places]


def best_hits(ranked: Ranked, row: int, count: int) -> IntArray:
    """Rows of the gallery, best first, without what the protocol leaves out: int64 (≤ count,)."""
    labels = ranked.features.query.labels, ranked.features.gallery.labels
    queries, entries = own_entries(*labels)
    left_out = torch.from_numpy(entries[queries == row])
    distances = ranked.distances.rows(row, row + 1).cpu()
    distances[0, left_out] = torch.inf
    kept = min(count, ranked.distances.gallery - len(left_out))
    return np.asarray(nearest(distances, kept)[1][0].numpy())


def _tile(
    picture: Pictures.Image,
    place: tuple[int, int],
    sample: Sample,
    colour: tuple[int, int, int],
    text: str,
) -> None:
    left, top = place
    height, width = TILE_PX
    draw = ImageDraw.Draw(picture)
    draw.rectangle((left, top, left + width - 1, top + height - 1), fill=colour)
    inner = (height - 2 * _FRAME_PX, width - 2 * _FRAME_PX)
    crop = resized(read_image(sample.path), inner).transpose(1, 2, 0)
    picture.paste(Pictures.fromarray(crop), (left + _FRAME_PX, top + _FRAME_PX))
    if colour == WRONG:
        x, y, side = left + _FRAME_PX + 2, top + _FRAME_PX + 2, 9
        for ends in ((x, y, x + side, y + side), (x, y + side, x + side, y)):
            draw.line(ends, fill="white", width=4)
            draw.line(ends, fill=colour, width=2)
    draw.text((left, top + height), text, fill="black")
