"""Rankings → scores of each query, without sorting who stands where.

The protocol of Market-1501: gallery entries of the query's own identity and camera are left out;
a query without any other match does not count; distractors stay, junk was never there.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from trainer.errors import TrainerError
from trainer.evaluation.distances import Distances, chunks
from trainer.metrics import FloatArray, IntArray, QueryScores, query_scores

# Matches of a query up to which counting for each is faster than a sort.
_FEW = 100


@dataclass(frozen=True)
class Labels:
    """Who is on the images of a side, and which camera took them: int64 (N,) each."""

    identities: IntArray
    cameras: IntArray


class _SameIdentity(NamedTuple):
    """All pairs of a query and a gallery entry of one identity, ordered by query, then entry."""

    queries: IntArray
    entries: IntArray
    same_camera: NDArray[np.bool_]


def rank_queries(distances: Distances, query: Labels, gallery: Labels) -> QueryScores:
    """Scores of all queries.

    For them only the ranks of the matches matter: how many of the entries that are not left out
    are nearer, or as near and have a lower row, as a stable sort has it.

    Args:
        distances: between queries and gallery, no NaN.
        query: of the queries.
        gallery: of the gallery.

    Raises:
        TrainerError: no query has a match.
    """
    pairs = _same_identity(query, gallery)
    found = []
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for first, last in chunks(distances):
            here = slice(*np.searchsorted(pairs.queries, [first, last]))
            own = pairs.same_camera[here]
            rows, columns = pairs.queries[here] - first, pairs.entries[here]
            found.append(_ranks(distances.rows(first, last), rows, columns, own, pool))
    scores = query_scores(pairs.queries[~pairs.same_camera], np.concatenate(found))
    if not len(scores.queries):
        raise TrainerError(
            "No query has a match: no identity of the queries is seen by another camera in the "
            "gallery.",
            "Check that identities and cameras of both sides are numbered alike.",
        )
    return scores


def own_entries(query: Labels, gallery: Labels) -> tuple[IntArray, IntArray]:
    """Queries and gallery rows, (n,) each, of the pairs that the protocol leaves out."""
    pairs = _same_identity(query, gallery)
    return pairs.queries[pairs.same_camera], pairs.entries[pairs.same_camera]


def _same_identity(query: Labels, gallery: Labels) -> _SameIdentity:
    order = np.argsort(gallery.identities, kind="stable")
    ordered = gallery.identities[order]
    starts, stops = (np.searchsorted(ordered, query.identities, side) for side in ("left", "right"))
    lengths = stops - starts
    queries = np.repeat(np.arange(len(lengths)), lengths)
    ends = lengths.cumsum()
    places = np.arange(len(queries)) + np.repeat(starts - ends + lengths, lengths)
    entries = order[places]
    return _SameIdentity(queries, entries, query.cameras[queries] == gallery.cameras[entries])


def _ranks(
    rows: Tensor, of: IntArray, columns: IntArray, own: NDArray[np.bool_], pool: ThreadPoolExecutor
) -> IntArray:
    """Ranks of the matches, int64 (m,).

    Args:
        rows: distances (n, G), changed.
        of: int64 (p,), row of each pair of one identity, ascending.
        columns: int64 (p,), its gallery entry.
        own: bool (p,), whether it is left out; the m others are the matches.
        pool: sorts.
    """
    at = [torch.from_numpy(each).to(rows.device) for each in (of[own], columns[own])]
    rows[at[0], at[1]] = torch.inf
    of, columns = of[~own], columns[~own]
    if not len(of):
        return of
    row, column = (torch.from_numpy(each).to(rows.device) for each in (of, columns))
    if rows.device.type == "cpu" and len(of) <= _FEW * len(rows):
        return _counted(rows.numpy(), of, columns)
    return _searched(rows, row, column, pool)


def _counted(rows: FloatArray, of: IntArray, columns: IntArray) -> IntArray:
    """Ranks of the matches by counting for each: a pass over a row is much cheaper than a sort."""
    found = np.empty(len(of), np.int64)
    for place, (row, column) in enumerate(zip(of.tolist(), columns.tolist(), strict=True)):
        own = rows[row]
        value = own[column]
        found[place] = np.count_nonzero(own < value) + np.count_nonzero(own[:column] == value)
    return found


def _searched(rows: Tensor, row: Tensor, column: Tensor, pool: ThreadPoolExecutor) -> IntArray:
    """Ranks of the matches (`row`, `column`), int64 (m,) each, by their values in sorted rows."""
    values = rows[row, column]  # (m,)
    # Values of each row side by side, (n, most matches of a row).
    counts = torch.bincount(row, minlength=len(rows)).tolist()
    wanted = pad_sequence(list(values.split(counts)), batch_first=True, padding_value=torch.inf)
    place = torch.cat([torch.arange(count) for count in counts]).to(rows.device)
    ordered = _sorted(rows, pool)
    nearer = torch.searchsorted(ordered, wanted)[row, place]
    up_to = torch.searchsorted(ordered, wanted, right=True)[row, place]
    for tied in (up_to - nearer > 1).nonzero()[:, 0].tolist():
        before = rows[row[tied], : column[tied]]
        nearer[tied] += (before == values[tied]).sum()
    return np.asarray(nearer.cpu().numpy())


def _sorted(rows: Tensor, pool: ThreadPoolExecutor) -> Tensor:
    """Each row sorted, (n, G); NumPy's sort is many times faster than torch's on a processor."""
    if rows.device.type != "cpu":
        return rows.sort(dim=1).values
    ordered = rows.numpy().copy()
    parts = np.array_split(ordered, torch.get_num_threads())
    list(pool.map(lambda part: part.sort(axis=1), parts))
    return torch.from_numpy(ordered)
