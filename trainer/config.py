"""The configuration of a training: one TOML, checked; nothing in it is ignored.

A file may say ``base = "other.toml"`` (relative to itself) and state only what differs. Overrides
of the command line are ``section.key=value`` with a value as TOML writes it, or plain text.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import tomli_w

from trainer.checked_settings import build, require
from trainer.data_settings import AugmentationConfig, DataConfig, SamplerConfig
from trainer.errors import TrainerError

CONFIGS = Path(__file__).parent / "configs"

OptimizerKind = Literal["sgd", "adam", "adamw"]
ScheduleKind = Literal["cosine_epoch", "multistep", "warmup_cosine", "constant"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True)
class PublishedConfig:
    """What the source reports for this row; fractions of 1, None where it says nothing.

    Attributes:
        source: paper, table or file.
        mAP: mean average precision.
        rank1: share of queries whose first hit is right.
        rank5: share of queries with a right one among the first five.
    """

    source: str = ""
    mAP: float | None = None  # noqa: N815  (the name of the measure)
    rank1: float | None = None
    rank5: float | None = None


@dataclass(frozen=True)
class StartConfig:
    """What the networks start from.

    Attributes:
        pretrained: "none", "imagenet" (the recipe knows which weights), a timm name, or a file.
        model: model file, or official checkpoint of the method, to fine-tune; what fits is taken
            and a report says what did not. With it, `pretrained` is not looked for.
        embedder: model file of the embedder that a second stage stands on.
        teacher: any embedder file whose vectors are to be matched (distillation); of several, a
            list, or a text with commas between them, the ensemble's.
    """

    pretrained: str = "none"
    model: str = ""
    embedder: str = ""
    teacher: str | tuple[str, ...] = ""

    @property
    def teachers(self) -> tuple[str, ...]:
        """The files of `teacher`."""
        named = self.teacher.split(",") if isinstance(self.teacher, str) else self.teacher
        return tuple(name for each in named if (name := each.strip()))


@dataclass(frozen=True)
class ParameterRule:
    """Other numbers for the parameters whose name matches; factors of several rules multiply.

    Attributes:
        match: pattern as of file names (``*bias``, ``backbone.*``), tried on the name inside the
            recipe (``network.backbone.conv1.weight``) and on the one inside the network.
        lr_factor: of the learning rate; 0 freezes.
        weight_decay_factor: of the weight decay.
    """

    match: str
    lr_factor: float = 1.0
    weight_decay_factor: float = 1.0

    def __post_init__(self) -> None:
        for name in ("lr_factor", "weight_decay_factor"):
            value = getattr(self, name)
            require(0 <= value < math.inf, f"optimizer.rules.{name}", value, "a number from 0")


@dataclass(frozen=True)
class ExtraOptimizer:
    """Parameters with an optimiser of their own and a constant learning rate.

    Attributes:
        match: as of `ParameterRule`; these leave the main optimiser.
        kind: of optimiser.
        lr: learning rate.
        momentum: of sgd.
        weight_decay: of all its parameters.
        gradient_scale: factor of the gradients before the step; 1 / weight undoes a loss weight.
    """

    match: str
    lr: float
    kind: OptimizerKind = "sgd"
    momentum: float = 0.0
    weight_decay: float = 0.0
    gradient_scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("lr", "gradient_scale"):
            value = getattr(self, name)
            require(0 < value < math.inf, f"optimizer.extra.{name}", value, "a number above 0")


@dataclass(frozen=True)
class OptimizerConfig:
    """How weights follow gradients; the defaults are TransReID's.

    Attributes:
        kind: of optimiser.
        lr: base learning rate, for the sampler's batch size over all processes.
        momentum: of sgd.
        betas: of adam and adamw.
        weight_decay: L2 for sgd and adam, decoupled for adamw.
        rules: exceptions by parameter name.
        extra: optimisers beside it.
    """

    kind: OptimizerKind = "sgd"
    lr: float = 0.008
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-4
    rules: tuple[ParameterRule, ...] = ()
    extra: tuple[ExtraOptimizer, ...] = ()

    def __post_init__(self) -> None:
        require(0 < self.lr < math.inf, "optimizer.lr", self.lr, "a number above 0")
        decay = self.weight_decay
        require(0 <= decay < math.inf, "optimizer.weight_decay", decay, "a number from 0")
        for name, values in (("momentum", (self.momentum,)), ("betas", self.betas)):
            fits = all(0 <= value < 1 for value in values)
            require(fits, f"optimizer.{name}", getattr(self, name), "from 0 to below 1")


@dataclass(frozen=True)
class ScheduleConfig:
    """The learning rate over the training, as a factor of the base; epochs count from 1.

    Attributes:
        kind: "cosine_epoch" one value an epoch, on a cosine over all epochs that the warm-up does
            not shift, down to `floor_factor` (TransReID);
            "multistep" one value an epoch, × `gamma` from each of the `milestones` on, after a
            warm-up if there is one (NFormer's encoder, RRID);
            "warmup_cosine" a value for each step: linear from 0 to 1 in `warmup_epochs`, then a
            cosine to 0 at the end (CACE-Net);
            "constant".
        warmup_epochs: epoch e of them has warmup_factor + (1 − warmup_factor)·e / warmup_epochs.
        warmup_factor: where the warm-up starts.
        floor_factor: what the cosine ends at.
        milestones: the first epochs with a smaller rate.
        gamma: factor at each milestone.
    """

    kind: ScheduleKind = "cosine_epoch"
    warmup_epochs: int = 5
    warmup_factor: float = 0.01
    floor_factor: float = 0.002
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1

    def __post_init__(self) -> None:
        epochs, milestones = self.warmup_epochs, self.milestones
        require(epochs >= 0, "schedule.warmup_epochs", epochs, "a number from 0")
        for name in ("warmup_factor", "floor_factor", "gamma"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"schedule.{name}", value, "a number from 0 to 1")
        rising = all(1 <= one < next_one for one, next_one in pairwise((*milestones, math.inf)))
        require(rising, "schedule.milestones", milestones, "epochs from 1, the smaller first")


@dataclass(frozen=True)
class TrainingConfig:
    """How long, how exact, and when to save.

    Attributes:
        epochs: passes of the sampler.
        precision: "32-true", "bf16-mixed" or "16-mixed" (float16 with loss scaling).
        accumulate: batches whose gradients make one step.
        clip_norm: largest L2 norm of all gradients of the main optimiser; 0: no limit.
        ema: decay of the running average of the weights that is evaluated and exported; 0: none.
        seed: of initial weights, dropout, sampler and augmentation.
        deterministic: let the GPU use only kernels that repeat themselves; slower.
        checkpoint_minutes: time between checkpoints inside an epoch; 0: only at its end.
        checkpoint_steps: steps between checkpoints inside an epoch; 0: by time only.
        evaluate_every: epochs between evaluations; the last epoch is always one; 0: never.
        log_steps: steps that one line of the log averages.
        keep: newest checkpoints that stay, beside the best.
    """

    epochs: int = 120
    precision: Precision = "32-true"
    accumulate: int = 1
    clip_norm: float = 0.0
    ema: float = 0.0
    seed: int = 1234
    deterministic: bool = False
    checkpoint_minutes: float = 10.0
    checkpoint_steps: int = 0
    evaluate_every: int = 10
    log_steps: int = 20
    keep: int = 2

    def __post_init__(self) -> None:
        for name in ("epochs", "accumulate", "log_steps", "keep"):
            value = getattr(self, name)
            require(value >= 1, f"training.{name}", value, "a number from 1")
        for name in (
            "clip_norm",
            "checkpoint_minutes",
            "checkpoint_steps",
            "evaluate_every",
            "seed",
        ):
            value = getattr(self, name)
            require(value >= 0, f"training.{name}", value, "a number from 0")
        require(0 <= self.ema < 1, "training.ema", self.ema, "a number from 0 to below 1")


@dataclass(frozen=True)
class EvaluationConfig:
    """How the network is measured during the training.

    Attributes:
        metric: of the distance between vectors.
        flip: average the vectors of each image and its mirror image.
        rerank: k1, k2 and lambda of k-reciprocal re-ranking; None: off.
        mode: of an aggregator: "joint", "per_query" or "top200".
        pairs: how many of the best a re-ranker compares with each query; 0: it is measured by its
            vectors of single images, or not at all where it has none.
        batch_size: images at a time; None: what suits the device.
    """

    metric: Literal["euclidean", "cosine"] = "euclidean"
    flip: bool = False
    rerank: tuple[int, int, float] | None = None
    mode: Literal["joint", "per_query", "top200"] = "joint"
    pairs: int = 0
    batch_size: int | None = None

    def __post_init__(self) -> None:
        require(self.pairs >= 0, "evaluation.pairs", self.pairs, "a number from 0")
        size = self.batch_size
        require(size is None or size >= 1, "evaluation.batch_size", size, "a number from 1")


@dataclass(frozen=True)
class TrainConfig:
    """A whole training. `model` and `loss` are checked by the network and the recipe.

    Attributes:
        recipe: name in `trainer.recipes.RECIPES`.
        title: for people.
        published: the number to hit.
        model: `architecture` and settings of the network; identities, cameras and views come from
            the data, as `side_information` says ("none", "camera", "view" or "both").
        loss: settings of the recipe's losses.
    """

    recipe: str
    title: str = ""
    published: PublishedConfig = field(default_factory=PublishedConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: dict[str, Any] = field(default_factory=dict)
    start: StartConfig = field(default_factory=StartConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    loss: dict[str, Any] = field(default_factory=dict)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


def find_config(name: str) -> Path:
    """The file of a configuration.

    Args:
        name: a path, or the name of a shipped one such as "transreid/market1501_s12_sie_jpm".

    Raises:
        TrainerError: there is none.
    """
    for path in (Path(name), CONFIGS / f"{name.removesuffix('.toml')}.toml"):
        if path.is_file():
            return path
    raise TrainerError(
        f'There is no configuration "{name}".',
        f"Give a TOML file, or a name of `python -m trainer list`{_near(name)}.",
    )


def config_names() -> list[str]:
    """Names of the shipped configurations, sorted."""
    files = CONFIGS.rglob("*.toml")
    return sorted(path.relative_to(CONFIGS).with_suffix("").as_posix() for path in files)


def configs_with(word: str) -> list[str]:
    """Names of the shipped configurations that contain a word, in any case of its letters.

    Raises:
        TrainerError: none does.
    """
    found = [name for name in config_names() if word.lower() in name.lower()]
    if not found:
        raise TrainerError(
            f'No configuration has "{word}" in its name.',
            f"Search for another word{_near(word)}; without any, all are shown.",
        )
    return found


def _near(word: str) -> str:
    """Names with a word or like it, or else words in names, to be hung on a sentence."""
    word, names = word.lower(), config_names()
    parts = sorted({part for name in names for part in re.split("[/_]", name)})
    having = [name for name in names if word in name]
    near = sorted(having, key=lambda name: not name.startswith(word))[:3]
    near = near or get_close_matches(word, names) + get_close_matches(word, parts, 3, 0.7)
    return f", such as {', '.join(near)}" if near else ""


def load_config(path: Path, overrides: Iterable[str] = ()) -> TrainConfig:
    """Reads a configuration, what it is based on, and applies overrides.

    Args:
        path: of the TOML.
        overrides: ``section.key=value`` each.

    Raises:
        TrainerError: not readable, not TOML, bases in a circle, unknown key, wrong type or value.
    """
    values = _read(path, ())
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise TrainerError(
                f'"{text}" is no setting.', "Write section.key=value, such as training.epochs=60."
            )
        _set(values, key.strip().split("."), _value(value.strip()))
    return build(TrainConfig, values, "")


def to_toml(config: TrainConfig) -> str:
    """The whole configuration, every default spelled out; `load_config` reads it back."""
    return tomli_w.dumps(_without_none(asdict(config)))


def differences(one: TrainConfig, other: TrainConfig) -> dict[str, tuple[Any, Any]]:
    """Dotted keys in which two configurations differ, with both values."""
    flat = [_flat(_without_none(asdict(each)), "") for each in (one, other)]
    keys = sorted(flat[0].keys() | flat[1].keys())
    pairs = {key: (flat[0].get(key), flat[1].get(key)) for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _read(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in above:
        raise TrainerError(f"{path} is based on itself.", 'Mend the lines "base = …".')
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TrainerError(
            f"The configuration {path} cannot be read: {reason}.", "Check the path, or mend it."
        ) from error
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise TrainerError(f'"base" in {path} is no text.', "Write the path of another TOML.")
    below = _read(path.parent / base, (*above, path.resolve()))
    # A row has a title and published numbers of its own, or none.
    below.pop("title", None)
    below.pop("published", None)
    return _merged(below, values)


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        base[key] = _merged(base[key], value) if both else value
    return base


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _set(values: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise TrainerError(f'"{key}" is no section.', f"Set {key} itself.")
    values[keys[-1]] = value


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    return [_without_none(each) for each in value] if isinstance(value, list | tuple) else value


def _flat(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{where}{key}.")
        else:
            found[f"{where}{key}"] = value
    return found
