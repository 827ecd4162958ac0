"""Who is near whom: exact neighbour lists by cosine, without a matrix of all pairs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

from reid_models.errors import NetworkError

NeighborSearch = Literal["torch", "faiss"]

# Similarities held at once: 32 MB; more would only be slower.
_SCORES_AT_ONCE = 1 << 23
# A product with more columns at once is slower, and so is one with fewer rows.
_COLUMNS_AT_ONCE = 1 << 13
# Two float32 products of unit vectors may differ by this much per √D where they should be equal.
_NOISE = 4 * 2.0**-24


class NeighborGraph(NamedTuple):
    """Neighbour lists of N nodes.

    Attributes:
        indices: int64 (N, k), the nodes of each list in ascending order; each node is in its own.
        mutual: bool (N, k), whether the node at the other end has this one in its list too.
    """

    indices: Tensor
    mutual: Tensor

    def of(self, rows: Tensor | slice) -> NeighborGraph:
        """The lists of some nodes."""
        return NeighborGraph(self.indices[rows], self.mutual[rows])


def neighbor_graph(indices: Tensor) -> NeighborGraph:
    """The graph of neighbour lists, int64 (N, k), ascending as `nearest_neighbors` returns them."""
    count, k = indices.shape
    mutual = torch.empty_like(indices, dtype=torch.bool)
    for rows in row_chunks(count, k * k):
        own = torch.arange(rows.start, rows.stop, device=indices.device)
        mutual[rows] = (indices[indices[rows]] == own[:, None, None]).any(dim=2)  # (n, k)
    return NeighborGraph(indices, mutual)


@torch.no_grad()
def nearest_neighbors(features: Tensor, k: int, search: NeighborSearch = "torch") -> Tensor:
    """The k vectors of greatest cosine similarity to each, itself always among them.

    Scores are float32, whatever the precision around; of equal ones the lower index wins. So the
    lists depend neither on the search, nor on chunks, threads or the order of sums.
    Differs from the published code: it leaves ties to the device, and a vector with more than k
    duplicates may be missing from its own list.

    Args:
        features: (N, D), any length of vector.
        k: of each list; at most N are found.
        search: "torch", or "faiss" where that package is installed.

    Returns:
        int64 (N, min(k, N)), each row in ascending order of index.

    Raises:
        NetworkError: faiss is asked for and not installed.
    """
    count = len(features)
    if k >= count:
        return torch.arange(count, device=features.device).expand(count, count).contiguous()
    unit = unit_vectors(features)  # (N, D)
    find = _by_faiss if search == "faiss" else _by_torch
    found = torch.empty(count, k, dtype=torch.int64, device=unit.device)
    # Where a row could miss itself, it has so many equals that its last place is in doubt too.
    doubtful = []
    for rows, scores, indices in find(unit, k + 1):  # (n, k + 1), best first
        found[rows] = indices[:, :k].sort(dim=1).values
        close = scores[:, k - 1] - scores[:, k] <= noise(unit)
        doubtful.append(rows.start + close.nonzero()[:, 0])
    unsettled = torch.cat(doubtful)
    if len(unsettled):
        found[unsettled] = _settled(unit, unsettled, k)
    return found


def unit_vectors(features: Tensor) -> Tensor:
    """Vectors of length 1, float32 (N, D)."""
    return normalize(features.detach().float(), dim=1)


def noise(unit: Tensor) -> float:
    """How far apart two float32 similarities of `unit` (N, D) must be to tell which is greater."""
    return float(_NOISE * unit.shape[1] ** 0.5)


def exact_scores(first: Tensor, second: Tensor) -> Tensor:
    """Cosines (n, N) of unit vectors, float64 (n, D) and (N, D), rounded once to float32."""
    with torch.autocast(first.device.type, enabled=False):
        return (first @ second.T).float()


def best_of(scores: Tensor, k: int) -> Tensor:
    """The k highest of each row of `scores` (n, N), int64 (n, k) ascending; ties: lower index."""
    if k == 0:
        return torch.empty(len(scores), 0, dtype=torch.int64, device=scores.device)
    last = scores.topk(k, dim=1).values[:, -1:]  # (n, 1)
    above, equal = scores > last, scores == last
    free = k - above.sum(dim=1, keepdim=True)
    chosen = above | (equal & (equal.cumsum(dim=1) <= free))
    return chosen.nonzero()[:, 1].view(-1, k)


def similarity(unit: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Cosines of pairs of rows of `unit`, rounded only once to float32; as the lists see them.

    Args:
        unit: float32 (N, D).
        first: int64 (n,), row of one end.
        second: int64 (n,), row of the other.
    """
    scores = torch.empty(len(first), device=unit.device)
    for rows in row_chunks(len(first), 4 * unit.shape[1]):
        products = unit[first[rows]].double() * unit[second[rows]].double()  # (n, D)
        scores[rows] = products.sum(dim=1).float()
    return scores


def row_chunks(count: int, width: int) -> Iterator[slice]:
    """Slices of `count` rows; a chunk of rows of `width` numbers has a bounded size."""
    step = max(1, _SCORES_AT_ONCE // max(1, width))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def product(left: Tensor, right: Tensor) -> Tensor:
    """`left @ right.T` in true float32, even where faster, coarser products are switched on."""
    with torch.autocast(left.device.type, enabled=False):
        if _coarse_products(left.device):
            return (left.double() @ right.double().T).float()
        return left @ right.T


def _coarse_products(device: torch.device) -> bool:
    backend = torch.backends.cuda if device.type == "cuda" else torch.backends.mkldnn
    precision = getattr(getattr(backend, "matmul", None), "fp32_precision", None)
    if precision is None:  # torch before 2.9
        return torch.get_float32_matmul_precision() != "highest"
    return precision in ("tf32", "bf16")


def _by_torch(unit: Tensor, k: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """For chunks of rows: scores and indices of the k best, (n, k), best first."""
    count = len(unit)
    width = min(64 * k, count)  # topk is slow over fewer numbers
    columns = pad(unit, (0, 0, 0, -count % width))  # (≥ N, D), a multiple of the width
    tile = width * max(1, _COLUMNS_AT_ONCE // width)
    for rows in row_chunks(count, min(tile, len(columns))):
        best: list[tuple[Tensor, Tensor]] = []
        for start in range(0, len(columns), tile):
            scores = product(unit[rows], columns[start : start + tile])  # (n, t)
            scores[:, max(0, count - start) :] = -torch.inf
            top, indices = _best_of_tile(scores, k, width)
            best.append((top, indices + start))
        scores, indices = (torch.cat(parts, dim=1) for parts in zip(*best, strict=True))
        top, order = scores.topk(k, dim=1)
        yield rows, top, indices.gather(1, order)


def _best_of_tile(scores: Tensor, k: int, width: int) -> tuple[Tensor, Tensor]:
    """The k highest of each row of (n, m·width), and their columns, (n, k) each.

    They stand in the k groups with the greatest maxima, where a group is every width-th column: so
    only the maxima and then the members of k groups are searched, not the whole row.
    """
    groups = scores.view(len(scores), -1, width)  # (n, m, w)
    best = groups.amax(dim=1).topk(k, dim=1, sorted=False).indices  # (n, k)
    firsts = torch.arange(0, scores.shape[1], width, device=scores.device)[:, None]
    members = (firsts + best[:, None]).flatten(1)  # (n, m·k)
    top = scores.gather(1, members).topk(k, dim=1)
    return top.values, members.gather(1, top.indices)


def _by_faiss(unit: Tensor, k: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """As `_by_torch`, with the exact index of faiss."""
    try:
        faiss = import_module("faiss")
    except ImportError as error:
        raise NetworkError(
            "The package faiss is not installed.", 'Install it, or search with "torch".'
        ) from error
    vectors = unit.cpu().numpy()
    index = faiss.IndexFlatIP(unit.shape[1])
    index.add(vectors)
    for rows in row_chunks(len(unit), 1024 * k):
        found = index.search(vectors[rows], k)
        scores, indices = (torch.from_numpy(part).to(unit.device) for part in found)
        yield rows, scores, indices


def _settled(unit: Tensor, rows: Tensor, k: int) -> Tensor:
    """Lists (n, k) of rows whose last place hangs on rounding or on ties."""
    exact = unit.double()
    lists = torch.empty(len(rows), k, dtype=torch.int64, device=unit.device)
    for chunk in row_chunks(len(rows), 3 * len(unit)):
        own = rows[chunk]
        scores = exact_scores(exact[own], exact)  # (n, N)
        scores[torch.arange(len(own), device=unit.device), own] = torch.inf
        lists[chunk] = best_of(scores, k)
    return lists
