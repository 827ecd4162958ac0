"""TransReID: transformer with side information and jigsaw patches, arXiv:2102.04378."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from reid_models.backbones.vit_embedder import Branch, ViTEmbedder, ViTEmbedderConfig
from reid_models.errors import NetworkError
from reid_models.interfaces import ReIDOutput

JPMForm = Literal["published", "paper"]
GalleryVector = Literal["global", "full"]


@dataclass(frozen=True)
class TransReIDConfig(ViTEmbedderConfig):
    """Settings of TransReID: those of the baseline, and how local features are made.

    Attributes:
        jpm: whether there are local features (jigsaw patch module); False: the baseline.
        jpm_form: "published": as in the published code and checkpoints; "paper": shift by
            `jpm_shift`, as many groups as chunks, local features in full weight in the vector.
        jpm_shift: m; the published form shifts by m − 1.
        jpm_groups: of the shuffle in the published form.
        jpm_chunks: how many local features.
        jpm_rearrange: False: chunks in reading order, neither shifted nor shuffled.
        gallery_vector: "global": the global feature, D numbers; "full": the local ones as well,
            (1 + jpm_chunks)·D numbers, the published evaluation.
    """

    jpm: bool = True
    jpm_form: JPMForm = "published"
    jpm_shift: int = 5
    jpm_groups: int = 2
    jpm_chunks: int = 4
    jpm_rearrange: bool = True
    gallery_vector: GalleryVector = "global"

    def __post_init__(self) -> None:
        super().__post_init__()
        patches = self.grid[0] * self.grid[1]
        if self.jpm and not 1 <= self.jpm_chunks <= patches:
            raise NetworkError(
                f"{patches} patches cannot be cut into {self.jpm_chunks} chunks.",
                "Use 1 or more chunks, at most one for each patch; the published number is 4.",
            )
        if self.jpm and not (1 <= self.jpm_shift <= patches and 1 <= self.jpm_groups <= patches):
            raise NetworkError(
                f"{patches} patches cannot be shifted by {self.jpm_shift} and shuffled in "
                f"{self.jpm_groups} groups.",
                "Use at least 1 for both; the published numbers are 5 (persons), 8 (vehicles) "
                "and 2.",
            )


def shuffle_order(patches: int, shift: int, groups: int) -> list[int]:
    """Which patch stands at each place after shift and shuffle, numbers from 0.

    The patches are rotated to the left, written in `groups` rows and read by columns. Where rows
    would be uneven, the second to last of the rotated patches is repeated at the end.

    Args:
        patches: N.
        shift: places to rotate by; m − 1 in the published form, m in the paper.
        groups: g.
    """
    rotated = [(place + shift) % patches for place in range(patches)]
    rotated += rotated[-2:-1] * (-patches % groups)
    row = len(rotated) // groups
    return [rotated[group * row + place] for place in range(row) for group in range(groups)]


def chunks_of(config: TransReIDConfig) -> list[list[int]]:
    """Patch numbers of each chunk, all of one length."""
    patches = config.grid[0] * config.grid[1]
    published = config.jpm_form == "published"
    if not config.jpm_rearrange:
        order = list(range(patches))
    elif published:
        order = shuffle_order(patches, config.jpm_shift - 1, config.jpm_groups)
    else:
        order = shuffle_order(patches, config.jpm_shift, config.jpm_chunks)
    # The published code drops what is left over.
    length = (patches if published else len(order)) // config.jpm_chunks
    return [order[chunk * length :][:length] for chunk in range(config.jpm_chunks)]


class TransReID(ViTEmbedder):
    """Global feature, and one local feature for each chunk of shuffled patches.

    Attributes:
        local_branch: last block and norm that all chunks share; None without JPM.
    """

    config: TransReIDConfig
    _chunks: Tensor  # (chunks, L), patch numbers

    def __init__(self, config: TransReIDConfig) -> None:
        """Builds it with random weights.

        Raises:
            NetworkError: settings that do not go together.
        """
        super().__init__(config, features=1 + config.jpm_chunks if config.jpm else 1)
        self.local_branch: Branch | None = None
        if config.jpm:
            self.local_branch = deepcopy(self.global_branch)
            self.register_buffer("_chunks", torch.tensor(chunks_of(config)), persistent=False)
            if config.gallery_vector == "full":
                self.embedding_dim *= 1 + config.jpm_chunks

    def vector(self, output: ReIDOutput) -> Tensor:
        """The gallery vector before L2: (B, D) or (B, (1 + chunks)·D).

        The published form divides each local feature by the number of chunks.
        """
        first, *local = output.features
        if self.config.gallery_vector == "global" or not local:
            return first
        if self.config.jpm_form == "published":
            local = [feature / self.config.jpm_chunks for feature in local]
        return torch.cat((first, *local), dim=1)

    def _features(
        self, tokens: Tensor, feature: Tensor, *, for_vector: bool = False
    ) -> tuple[Tensor, ...]:
        if self.local_branch is None or (for_vector and self.config.gallery_vector == "global"):
            return (feature,)
        chunks, length = self._chunks.shape
        patches = tokens[:, 1:][:, self._chunks.flatten()]  # (B, chunks·L, D)
        patches = patches.unflatten(1, (chunks, length))
        classes = tokens[:, None, :1].expand(-1, chunks, -1, -1)  # (B, chunks, 1, D)
        local = self.local_branch.feature(torch.cat((classes, patches), dim=2).flatten(0, 1))
        return (feature, *local.unflatten(0, (-1, chunks)).unbind(1))  # (B, D) each

    def _branches(self) -> tuple[str, ...]:
        local = () if self.local_branch is None else ("local_branch",)
        return ("global_branch", *local)
