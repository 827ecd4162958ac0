"""X-ReID: a transformer that learns from other images of its batch, arXiv:2302.02075.

The extra modules work in training only; what is deployed is the TransReID baseline.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from timm.layers import Attention
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn.functional import log_softmax, normalize, softmax

from reid_models.backbones.attention import add_mlp, attend, query_key_value
from reid_models.backbones.pretrained import PretrainedReport
from reid_models.backbones.vit_embedder import ViTEmbedder, ViTEmbedderConfig
from reid_models.errors import NetworkError
from reid_models.interfaces import ReIDOutput
from reid_models.layers.bn_neck import BNNeck
from reid_models.layers.classifier import new_classifier
from reid_models.layers.mining import mine_batch_hard


@dataclass(frozen=True)
class XReIDConfig(ViTEmbedderConfig):
    """Settings of X-ReID: those of the baseline, and of what works in training only.

    Attributes:
        teacher_momentum: of the moving average at the start; it rises to 1.
        deployed: without the modules that work in training only.
    """

    teacher_momentum: float = 0.999
    deployed: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.teacher_momentum <= 1:
            raise NetworkError(
                f"A momentum of {self.teacher_momentum} is not possible.", "Use 0 to 1."
            )


@dataclass(frozen=True, kw_only=True)
class XReIDOutput(ReIDOutput):
    """What X-ReID returns for a batch with identities; `features` and `logits` as always.

    Attributes:
        intra_feature: of IntraX, the teacher, (B, D); no gradient; None without IntraX.
        inter_feature: of InterX before its neck, (B, D); None without InterX.
        inter_logits: (B, classes), or None without classifier or InterX.
        positives: int64 (B,), the row of the image that InterX took as each one's positive.
        negatives: int64 (B,), likewise.
    """

    intra_feature: Tensor | None
    inter_feature: Tensor | None
    inter_logits: Tensor | None
    positives: Tensor
    negatives: Tensor


def x_attention(
    attention: Attention,
    previous: Tensor,
    tokens: Tensor,
    others: Tensor,
    mask: Tensor | None = None,
    askers: int | None = None,
) -> Tensor:
    """MHA(I, I, I) + MHA(Q, K, K) with one set of weights; Eq. (2), arXiv:2302.02075.

    Keys and values of every image are projected once, then gathered.

    Args:
        attention: its projections are used for both terms, the output's bias twice.
        previous: I, (B, N, D), after the norm.
        tokens: Q of each image, and K of those that look at it, (B, N, D), after the norm.
        others: int64 (B, k), rows of the images whose tokens are each image's K.
        mask: bool (B, k), False where an entry of `others` does not count.
        askers: only so many leading tokens of I and Q ask; None: all.

    Returns:
        (B, askers, D).
    """
    own = attend(attention, *query_key_value(attention, previous, askers))
    query, key, value = query_key_value(attention, tokens, askers)
    key, value = (part[others].transpose(1, 2).flatten(2, 3) for part in (key, value))
    if mask is not None:
        mask = mask.repeat_interleave(tokens.shape[1], dim=1)[:, None, None]  # (B, 1, 1, k·N)
    return own + attend(attention, query, key, value, mask)  # keys (B, heads, k·N, d)


class XStream(nn.Module):
    """One X-Layer for each instance layer, and a final norm; starts as a copy of the instance's.

    The paper's line leaves out norms, residuals and MLP, but its Fig. 4 shows the full layer:
    h = I + attention(n1(I), n1(Q), n1(K)), then h + MLP(n2(h)). I is what the X-Layer before gave;
    Q and K stay on the instance stream.
    """

    def __init__(self, blocks: nn.ModuleList, norm: nn.Module) -> None:
        super().__init__()
        self.blocks = blocks
        self.norm = norm

    def forward(self, depths: list[Tensor], others: Tensor, mask: Tensor | None = None) -> Tensor:
        """The feature of each image in the light of others, (B, D).

        Args:
            depths: what went into each instance layer, (B, N, D) each.
            others: int64 (B, k), as `mask` in `x_attention`.
            mask: bool (B, k).
        """
        previous = depths[0]
        for number, (block, tokens) in enumerate(zip(self.blocks, depths, strict=True), start=1):
            assert isinstance(block, Block)
            attention = block.attn
            assert isinstance(attention, Attention)
            askers = 1 if number == len(depths) else None  # the feature is the class token's
            found = x_attention(
                attention, block.norm1(previous), block.norm1(tokens), others, mask, askers
            )
            previous = add_mlp(block, previous[:, :askers] + block.drop_path1(found))
        feature: Tensor = self.norm(previous[:, 0])
        return feature


class IntraX(XStream):
    """The teacher: a moving average of the instance layers, without gradient or drop-path."""

    def __init__(self, blocks: nn.ModuleList, norm: nn.Module) -> None:
        super().__init__(blocks, norm)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stays in evaluation mode."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, depths: list[Tensor], others: Tensor, mask: Tensor | None = None) -> Tensor:
        """As `XStream.forward`, without gradient."""
        return super().forward(depths, others, mask)


class InterX(XStream):
    """Learnable X-Layers over the hard positive and the hard negative, with a head of their own."""

    def __init__(self, blocks: nn.ModuleList, norm: nn.LayerNorm, identities: int) -> None:
        super().__init__(blocks, norm)
        width = norm.normalized_shape[0]
        self.neck = BNNeck(width)
        self.classifier = new_classifier(width, identities) if identities else None

    def logits(self, feature: Tensor) -> Tensor | None:
        """Logits (B, classes) of features (B, D); None without classifier."""
        return None if self.classifier is None else self.classifier(self.neck(feature))


class XReID(ViTEmbedder):
    """Instance stream (the baseline), IntraX and InterX.

    Attributes:
        intra: the teacher; None when deployed, or where a training does without it.
        inter: the learnable X-Layers; None likewise.
    """

    config: XReIDConfig

    def __init__(self, config: XReIDConfig) -> None:
        """Builds it with random weights; the X-Layers equal the instance layers.

        Raises:
            NetworkError: settings that do not go together.
        """
        super().__init__(config)
        self.intra: IntraX | None = None
        self.inter: InterX | None = None
        if not config.deployed:
            self.intra = IntraX(*deepcopy(self._instance_layers()))
            self.inter = InterX(*deepcopy(self._instance_layers()), config.identities)

    def forward(
        self,
        images: Tensor,
        camera_ids: Tensor | None = None,
        view_ids: Tensor | None = None,
        *,
        identities: Tensor | None = None,
        mined: tuple[Tensor, Tensor] | None = None,
    ) -> ReIDOutput:
        """The baseline's output; with identities, an `XReIDOutput`.

        Args:
            images: (B, 3, H, W).
            camera_ids: int64 (B,), or None.
            view_ids: int64 (B,), or None.
            identities: int64 (B,), each at least twice, two or more in all.
            mined: rows of the positive and negative of each image, int64 (B,) both; None: the
                hardest ones of the batch by the instance features.

        Raises:
            NetworkError: a deployed network with identities, or a batch without the images needed.
        """
        if identities is None:
            return super().forward(images, camera_ids, view_ids)
        if self.intra is None and self.inter is None:
            raise NetworkError(
                "This X-ReID is deployed and has nothing left to train.",
                "Train the one it was made from.",
            )
        depths = [self.backbone.first_tokens(images, camera_ids, view_ids)]
        for block in self.backbone.blocks:
            depths.append(block(depths[-1]))  # Z_0 … Z_11, (B, N, D) each
        feature = self.global_branch.feature(depths[-1])  # (B, D)
        instance = self._output((feature,))
        positives, negatives = mined or mine_batch_hard(feature, identities)
        intra_feature = inter_feature = inter_logits = None
        if self.intra is not None:
            intra_feature = self.intra(depths, *rows_of_same_identity(identities))
        if self.inter is not None:
            inter_feature = self.inter(depths, torch.stack((positives, negatives), dim=1))
            inter_logits = self.inter.logits(inter_feature)
        return XReIDOutput(
            instance.features,
            instance.logits,
            intra_feature=intra_feature,
            inter_feature=inter_feature,
            inter_logits=inter_logits,
            positives=positives,
            negatives=negatives,
        )

    @torch.no_grad()
    def update_teacher(self, step: int, steps: int) -> float:
        """Moves the teacher towards the instance layers; call it after each optimiser step.

        Args:
            step: t, of this optimiser step, from 0.
            steps: T, of the whole training.

        Returns:
            The momentum that was used.
        """
        momentum = teacher_momentum(step, steps, self.config.teacher_momentum)
        if self.intra is not None:
            for teacher, student in zip(
                self.intra.parameters(), self._instance_parameters(), strict=True
            ):
                teacher.lerp_(student, 1 - momentum)
        return momentum

    @torch.no_grad()
    def start_from_instance(self) -> None:
        """Copies the instance layers into both X streams, as at the beginning of a training."""
        for stream in (self.intra, self.inter):
            if stream is not None:
                layers = [*stream.blocks.parameters(), *stream.norm.parameters()]
                for own, student in zip(layers, self._instance_parameters(), strict=True):
                    own.copy_(student)

    def load_pretrained(
        self, source: str | Path | None = None, *, source_grid: tuple[int, int] | None = None
    ) -> PretrainedReport:
        """As `ViTEmbedder.load_pretrained`; the X streams start from the same weights."""
        report = super().load_pretrained(source, source_grid=source_grid)
        self.start_from_instance()
        copied = ("intra.blocks.", "intra.norm.", "inter.blocks.", "inter.norm.")
        missing = tuple(name for name in report.missing if not name.startswith(copied))
        return replace(report, missing=missing)

    def deploy(self) -> XReID:
        """The same network without what works in training only: exactly TransReID's baseline.

        Its state dict loads into `TransReID` with `jpm=False`. It is in evaluation mode and
        shares no memory with this one.
        """
        deployed = XReID(replace(self.config, deployed=True))
        kept = {
            name: tensor
            for name, tensor in self.state_dict().items()
            if not name.startswith(("intra.", "inter."))
        }
        deployed.load_state_dict(kept)
        return deployed.to(self.backbone.cls_token.device).eval()

    def _instance_layers(self) -> tuple[nn.ModuleList, nn.LayerNorm]:
        last = self.global_branch
        return nn.ModuleList([*self.backbone.blocks, last.block]), last.norm

    def _instance_parameters(self) -> list[nn.Parameter]:
        """In the order of the X streams' own."""
        blocks, norm = self._instance_layers()
        return [*blocks.parameters(), *norm.parameters()]


def teacher_momentum(step: int, steps: int, start: float = 0.999) -> float:
    """λ of the moving average at step t of T: `start` at 0, rising as a cosine to 1 at T."""
    return 1 - (1 - start) * (1 + math.cos(math.pi * step / steps)) / 2


def distillation(
    student: Tensor, teacher: Tensor, temperature: float = 0.05, *, normalise: bool = True
) -> Tensor:
    """Cross entropy of P(teacher) and P(student), P = softmax(f / τ); mean over the batch.

    Raw features of a norm near 28 make the teacher's P all but one-hot and the loss dwarf the
    others, hence L2-normalised ones unless told otherwise; the paper does not say which it took.

    Args:
        student: f_Ins, (B, D).
        teacher: f_IntraX, (B, D); gets no gradient.
        temperature: τ.
        normalise: whether both are L2-normalised first.
    """
    student, teacher = student.float(), teacher.detach().float()
    if normalise:
        student, teacher = normalize(student, dim=1), normalize(teacher, dim=1)
    target = softmax(teacher / temperature, dim=1)
    return -(target * log_softmax(student / temperature, dim=1)).sum(dim=1).mean()


def rows_of_same_identity(identities: Tensor) -> tuple[Tensor, Tensor | None]:
    """The other images of each image's identity.

    Args:
        identities: int64 (B,).

    Returns:
        Rows, int64 (B, K − 1), and a mask, bool, of those that count; None where all do.

    Raises:
        NetworkError: an identity with a single image.
    """
    same = identities[:, None] == identities
    same.fill_diagonal_(False)
    counts = same.sum(dim=1)
    fewest, most = int(counts.min()), int(counts.max())
    if fewest == 0:
        raise NetworkError(
            "An identity has a single image in the batch; IntraX compares it with others.",
            "Draw at least two images for each identity (usually 4).",
        )
    rows = same.long().argsort(dim=1, descending=True, stable=True)[:, :most]
    if fewest == most:
        return rows, None
    return rows, torch.arange(most, device=rows.device) < counts[:, None]
