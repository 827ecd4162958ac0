"""A training of seconds: a transformer of two blocks on generated people in Market-1501 layout.

As a program it trains in a process of its own, which tests kill, stop and join:
`python -m tests.tiny_recipe RUN DATA [section.key=value …] [--nap=SECONDS] [--leave=STEP]`.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed
from PIL import Image
from torch.nn.functional import cross_entropy, softplus

from reid_models.registry import create_model
from trainer.config import load_config
from trainer.data.registry import load_data_sets
from trainer.data.training_set import TrainingSet
from trainer.data.transforms import build_augmentation
from trainer.engine import Engine, RunOptions, Saved, launch, seed_everything
from trainer.recipe import DataFacts, Recipe
from trainer.run_log import RunFolder

CONFIG = """
recipe = "tiny"
[data]
train = ["folder:people"]
workers = 0
[model]
architecture = "transreid"
variant = "deit_tiny"
width = 16
depth = 2
heads = 2
image_size = [32, 16]
drop_path = 0.3
jpm = false
[augmentation]
pad_px = 2
[sampler]
identities = 4
images = 2
[optimizer]
lr = 0.05
rules = [{match = "*bias", lr_factor = 2.0}]
extra = [{match = "centers", lr = 0.1, gradient_scale = 4.0}]
[training]
epochs = 3
log_steps = 2
checkpoint_minutes = 0
"""


@dataclass(frozen=True)
class TinyLoss:
    centers: float = 0.25
    explode_at: int = -1


class TinyRecipe(Recipe):
    """Identity loss, pulls to centres, and a teacher that follows after each step."""

    loss_type = TinyLoss

    def __init__(self, config, facts):
        super().__init__(config, facts)
        settings = dict(config.model)
        name = settings.pop("architecture")
        self.network = create_model(name, **settings, identities=facts.identities)
        self.centers = torch.nn.Parameter(torch.randn(facts.identities, 16))
        self.register_buffer("followed", torch.zeros(16))

    def forward(self, batch, progress):
        output = self.network(batch.images)
        feature, logits = output.features[0].float(), output.logits[0].float()
        if progress.step == self.loss.explode_at:
            feature = feature / (feature - feature)
        pull = (feature - self.centers[batch.identities]).square().mean()
        return {
            "id": cross_entropy(logits, batch.identities),
            "triplet": softplus(feature[:, 0] - feature[:, 1]).mean(),
            "center": self.loss.centers * pull,
            "stat/accuracy": (logits.argmax(1) == batch.identities).float().mean(),
        }

    def after_step(self, progress):
        self.followed.lerp_(self.network.necks[0].weight.detach(), 0.1)


def write_people(root, identities=6, images=5):
    """`root/people/bounding_box_train`: noise around a colour for each identity."""
    folder = root / "people" / "bounding_box_train"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for identity in range(1, identities + 1):
        colour = generator.integers(256, size=3)
        for number in range(images):
            noise = generator.normal(0, 20, (32, 16, 3))
            image = np.clip(colour + noise, 0, 255).astype(np.uint8)
            name = f"{identity:04d}_c{number % 2 + 1}s1_{number:06d}_00.jpg"
            Image.fromarray(image).save(folder / name)


def tiny_config(path, overrides=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")  # several processes write it, and read it
    partial.write_text(CONFIG, encoding="utf-8")
    partial.replace(path)
    return load_config(path, overrides)


def tiny_engine(run, data, overrides=(), *, options=None, change_source=None):
    """An engine on a run folder, new or continued; `change_source(source, config)` wraps it."""
    folder = RunFolder(Path(run))
    config = tiny_config(Path(run).parent / f"{Path(run).name}.toml", overrides)
    fabric = launch(config.training, "cpu", threads=1)
    form = (config.model["image_size"], (0.5,) * 3, (0.5,) * 3)
    transform = build_augmentation(config.augmentation, *form)
    training_set = TrainingSet(load_data_sets(config.data.train, Path(data)), transform)
    facts = DataFacts(training_set.identities, training_set.cameras)
    seed_everything(config.training.seed)
    recipe = TinyRecipe(config, facts)
    if fabric.is_global_zero and not folder.exists():
        folder.create(config, facts)
    source = recipe.source(training_set, fabric.global_rank, fabric.world_size)
    if change_source:
        source = change_source(source, config)
    return Engine(config, recipe, source, folder, fabric, options or RunOptions())


def main(run, data, *arguments):
    named = dict(each[2:].split("=") for each in arguments if each.startswith("--"))
    overrides = [each for each in arguments if not each.startswith("--")]
    engine = tiny_engine(run, data, overrides)
    status = 0
    for event in engine.run():
        if isinstance(event, Saved) and event.step == int(named.get("leave", -1)):
            break
        status = getattr(event, "status", 0)
        sys.stdout.write(f"{type(event).__name__} {engine.position.step}\n")
        sys.stdout.flush()
        time.sleep(float(named.get("nap", 0)))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    raise SystemExit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
