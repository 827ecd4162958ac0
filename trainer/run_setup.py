"""Puts a run together: data, recipe, folder, engine; and takes model files out of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from reid_models.image_hashes import Hashes, HashSample
from reid_models.model_card import CARD_KEY, ModelCard, read_card, read_metadata
from reid_models.sessions import IR_SUFFIX
from trainer.checkpoint import BEST, checkpoints, newest_checkpoint, read_checkpoint
from trainer.config import ScheduleConfig, TrainConfig, differences
from trainer.data.image_hashes import hash_images, write_hashes
from trainer.data.loader import BatchSource
from trainer.data.registry import load_data_sets
from trainer.data.sample_sheet import sample_sheet
from trainer.data.samples import DataSet
from trainer.data.training_set import Batch, TrainingSet
from trainer.data.transforms import build_augmentation, test_transform
from trainer.engine import Engine, Measure, RunOptions, launch, seed_everything
from trainer.errors import TrainerError
from trainer.evaluation.overlap import Measured, judge
from trainer.recipe import DataFacts, Source
from trainer.recipes import build_recipe
from trainer.run_log import RunFolder
from trainer.told_command import told_command

# What may differ when a run goes on: it changes nothing that is computed.
_FREE = (
    "data.root",
    "data.workers",
    "data.cache",
    "evaluation.batch_size",
    "published.",
    "title",
    "training.checkpoint_",
    "training.keep",
)
_OVERFIT_STEPS = 200


@dataclass(frozen=True)
class RunRequest:
    """What the command line asks for beside the configuration.

    Attributes:
        folder: of the run.
        resume: whether a run in it goes on; else there must be none.
        overfit: train 200 steps on so many batches, as a sanity check; 0: on all.
        minutes: after which to save and stop; 0: never.
        device: see `launch`.
        threads: see `launch`.
    """

    folder: Path
    resume: bool = False
    overfit: int = 0
    minutes: float = 0.0
    device: str = "auto"
    threads: int = 0


@dataclass(frozen=True)
class PreparedRun:
    """A run that can be started.

    Attributes:
        config: of the run.
        engine: of the run.
        notes: what was found and loaded, a line each.
        leads: whether this process is the one that tells.
    """

    config: TrainConfig
    engine: Engine
    notes: tuple[str, ...]
    leads: bool


def prepare_run(config: TrainConfig, request: RunRequest) -> PreparedRun:
    """Reads the data, builds the recipe, writes or checks the folder.

    Raises:
        TrainerError: data, configuration or folder cannot be used.
        NetworkError: a network or file cannot be used.
    """
    config = _overfitting(config) if request.overfit else config
    folder = RunFolder(request.folder)
    fabric = launch(config.training, request.device, request.threads)
    goes_on = _check_folder(folder, config, request.resume)
    fabric.barrier()
    root = Path(config.data.root)
    data_sets = load_data_sets(config.data.train, root)
    cache_bytes = round(config.data.cache_gb * 1e9) if config.data.cache else 0
    # The transform needs the network, and the network the numbers of the data.
    unset = test_transform((1, 1), (0.0,) * 3, (1.0,) * 3)
    training_set = TrainingSet(data_sets, unset, cache_bytes)
    measured = () if request.overfit else _measured(config, root)
    hashes = hash_images(training_set.samples)
    facts = _facts(data_sets, training_set, hashes)
    if goes_on:
        facts = _checked(folder, facts, _known_network(config) is not None)
    elif begun_with := _known_network(config):
        facts = _after(begun_with, facts)
    seed_everything(config.training.seed)
    recipe = build_recipe(config, facts)
    begins = not checkpoints(folder.checkpoints)
    notes = [_told(training_set), *_overlaps(config, measured, hashes)]
    notes += recipe.begin() if begins else ()
    form = recipe.image_form()
    training_set.transform = build_augmentation(
        config.augmentation, form.size_px, form.mean, form.std
    )
    source = recipe.source(training_set, fabric.global_rank, fabric.world_size)
    if request.overfit:
        batches = _OVERFIT_STEPS * config.training.accumulate
        source = _FirstBatches(source, request.overfit, batches)
    measure = Measure(config, measured, str(fabric.device), folder.path) if measured else None
    if fabric.is_global_zero:
        if goes_on:
            folder.write_facts(facts)
        else:
            folder.create(config, facts)
        write_hashes(folder.image_hashes, training_set.samples, hashes)
        _start_session(folder, fabric.device, fabric.world_size, notes)
        if begins and isinstance(source, BatchSource):
            first = next(BatchSource(training_set, source.sampler).batches(1))
            folder.write_image("samples", sample_sheet(first, form.mean, form.std))
    fabric.barrier()
    samples = training_set.samples
    options = RunOptions(request.minutes, measure, lambda row: str(samples[row].path))
    engine = Engine(config, recipe, source, folder, fabric, options)
    return PreparedRun(config, engine, tuple(notes), fabric.is_global_zero)


def run_networks(path: Path, *, best: bool) -> Iterator[tuple[str, nn.Module, ModelCard]]:
    """The networks of a run by name, with their cards, in evaluation mode, on the processor.

    Args:
        path: folder of the run.
        best: as they were at the best evaluation, instead of at the newest checkpoint.

    Raises:
        TrainerError: no run, or no checkpoint that can be read.
        NetworkError: a network that cannot be built.
    """
    folder = RunFolder(path)
    config = folder.read_config()
    recipe = build_recipe(config, _read_facts(folder))
    if best:
        if not (folder.checkpoints / BEST).is_file():
            raise TrainerError(
                f"The run in {path} was not evaluated yet.",
                "Train for longer, or leave --best away.",
            )
        content = read_checkpoint(folder.checkpoints / BEST)
    else:
        found = newest_checkpoint(folder.checkpoints)
        if found is None:
            raise TrainerError(f"There is no checkpoint in {path} yet.", "Train for longer.")
        content = found[1]
    weights = content["average"] or content["recipe"]
    recipe.load_state_dict(
        {key: each for key, each in weights.items() if not key.startswith(recipe.training_only)}
    )
    recipe.eval()
    for name, network in recipe.deployed().items():
        facts = {**recipe.card_facts(name), **folder.card_facts(config, content["metrics"])}
        yield name, network, ModelCard.of(network, **facts)


class _FirstBatches:
    """An epoch that is nothing but the first batches of the first epoch, again and again."""

    def __init__(self, source: Source, count: int, steps: int) -> None:
        self._source = source
        self._count = min(count, source.steps(1))
        self._steps = steps

    def steps(self, epoch: int) -> int:
        """As `Source.steps`."""
        return self._steps

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """As `Source.batches`."""
        few = list(islice(self._source.batches(1), self._count))
        return islice(cycle(few), first, self._steps)


def _overfitting(config: TrainConfig) -> TrainConfig:
    """The configuration of a sanity check: one long epoch at a constant rate."""
    training = replace(config.training, epochs=1, evaluate_every=0, checkpoint_minutes=0.0)
    return replace(config, schedule=ScheduleConfig("constant"), training=training)


def _check_folder(folder: RunFolder, config: TrainConfig, resume: bool) -> bool:
    """Whether a run in the folder goes on; raises TrainerError where that is not what was asked."""
    # Without a checkpoint nothing was done yet, perhaps because of a setting that is mended now.
    if not (folder.exists() and checkpoints(folder.checkpoints)):
        return False
    if not resume:
        raise TrainerError(
            f"There is a run in {folder.path} already.",
            "Go on with --resume auto, or choose another folder with --out.",
        )
    changed = {
        key: pair
        for key, pair in differences(folder.read_config(), config).items()
        if not key.startswith(_FREE)
    }
    if changed:
        key, (old, new) = next(iter(changed.items()))
        raise TrainerError(
            f"The run in {folder.path} was begun with other settings: {key} was {old}, and is now "
            f"{new}{f' (and {len(changed) - 1} more)' if len(changed) > 1 else ''}.",
            "Go on with the settings of its config.toml, or choose another folder with --out.",
        )
    return True


def _read_facts(folder: RunFolder) -> DataFacts:
    values = folder.read_facts()
    sample = values.pop("image_hashes", None)
    return DataFacts(**values, image_hashes=sample and HashSample(**sample))


def _checked(folder: RunFolder, facts: DataFacts, begun_with_model: bool) -> DataFacts:
    """The facts with which a run goes on; raises TrainerError where the data are others."""
    begun = _read_facts(folder)
    if (list(begun.labels), begun.camera_table) != (list(facts.labels), facts.camera_table):
        raise TrainerError(
            f"The run in {folder.path} was begun with {len(begun.labels)} images of "
            f"{begun.identities} identities, and now there are {len(facts.labels)} of "
            f"{facts.identities}, or other cameras.",
            "Give the same data with --data, or choose another folder with --out.",
        )
    if begun.image_hashes is None:  # begun by an earlier version, which noted no hashes
        return _incomplete(facts) if begun_with_model else facts
    trained_on = tuple(begun.trained_on)
    return replace(facts, trained_on=trained_on, image_hashes=begun.image_hashes)


def _known_network(config: TrainConfig) -> Path | None:
    """The network that a training begins with, if it was trained on people before."""
    if config.start.model:
        return Path(config.start.model)
    path = Path(config.start.pretrained or "")
    if path.suffix == IR_SUFFIX:
        return path
    is_ours = path.suffix == ".safetensors" and path.is_file() and CARD_KEY in read_metadata(path)
    return path if is_ours else None


def _after(model: Path, facts: DataFacts) -> DataFacts:
    """The facts of a training that begins with a network, which knows images already."""
    if model.suffix != ".safetensors":  # a published checkpoint says nothing
        return _incomplete(replace(facts, trained_on=(model.name, *facts.trained_on)))
    card = read_card(model)
    facts = replace(facts, trained_on=tuple(dict.fromkeys((*card.trained_on, *facts.trained_on))))
    if card.image_hashes is None or facts.image_hashes is None:
        return _incomplete(facts)
    return replace(facts, image_hashes=card.image_hashes.union(facts.image_hashes))


def _incomplete(facts: DataFacts) -> DataFacts:
    known = facts.image_hashes and replace(facts.image_hashes, complete=False)
    return replace(facts, image_hashes=known)


def _overlaps(config: TrainConfig, data_sets: Sequence[DataSet], hashes: Hashes) -> list[str]:
    """A line for each data set whose figures will flatter the network, or what it stands on."""
    measured = [Measured(each) for each in data_sets]
    trained = HashSample.of(hashes, size=None)
    lines = [
        overlap.told("This network", each.data_set.entry)
        for each in measured
        if (overlap := each.overlap(trained)).flatters
    ]
    below = judge(Path(config.start.embedder), measured) if config.start.embedder else ()
    return lines + [verdict.warning for verdict in below if verdict.warning]


def _measured(config: TrainConfig, root: Path) -> tuple[DataSet, ...]:
    data_sets = load_data_sets(config.data.evaluate, root) if config.training.evaluate_every else ()
    for data_set in data_sets:
        if not data_set.trials:  # better now than after the first ten epochs
            raise TrainerError(
                f"{data_set.name} has no queries to evaluate on.",
                'Hold identities out ("NAME#holdout=100"), or set data.evaluate = [].',
            )
    return data_sets


def _facts(data_sets: Sequence[DataSet], training_set: TrainingSet, hashes: Hashes) -> DataFacts:
    return DataFacts(
        identities=training_set.identities,
        cameras=training_set.cameras,
        views=training_set.views,
        camera_table=training_set.camera_table,
        labels=tuple(training_set.labels.tolist()),
        trained_on=tuple(data_set.entry for data_set in data_sets),
        image_hashes=HashSample.of(hashes),
        terms="; ".join(training_set.terms),
    )


def _told(training_set: TrainingSet) -> str:
    return (
        f"{len(training_set)} training images of {training_set.identities} identities, "
        f"{training_set.cameras} cameras"
    )


def _start_session(
    folder: RunFolder, device: torch.device, processes: int, notes: list[str]
) -> None:
    facts: Mapping[str, Any] = {
        "command": told_command(),
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "processes": processes,
        "threads": torch.get_num_threads(),
        "notes": notes,
    }
    folder.add_session(**facts)
