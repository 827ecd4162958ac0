"""Every shipped configuration: it loads, names data that exist, and builds a recipe that trains."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache

import pytest

from reid_models.backbones.efficientnet import EfficientNetLite
from reid_models.backbones.osnet import OSNET_NAMES
from tests.unit.trainer.recipes.tiny_recipes import saved_embedder
from trainer.config import TrainConfig, config_names, find_config, load_config
from trainer.data.registry import find_entry
from trainer.optim import build_optimizers, learning_rate
from trainer.recipe import DataFacts
from trainer.recipes import RECIPES, build_recipe

NAMES = config_names()
# What makes a network small and leaves images, stride, patches and stripes as they are.
SMALL = {
    "transreid": {"width": 24, "depth": 2, "heads": 2},
    "xreid": {"width": 24, "depth": 2, "heads": 2},
    "rrid": {"backbone": "resnet10t", "width": 8},
    "nformer_encoder": {"encoder": "resnet10t"},
    "nformer": {"layers": 1},
    "cacenet": {"inner_channels": 4, "width": 8},
}
FACTS = {
    "veri776": DataFacts(identities=3, cameras=20, views=8),
    "market1501": DataFacts(identities=3, cameras=6),
}


@cache
def config_of(name: str) -> TrainConfig:
    return load_config(find_config(name))


def small(config: TrainConfig, tmp_path) -> TrainConfig:
    """The same with a small network, over a small embedder where it needs one."""
    model = dict(config.model)
    # Rules name the layers of these.
    light = model.get("backbone") in (EfficientNetLite.name, *OSNET_NAMES)
    model.update(SMALL[model["architecture"]] | ({"backbone": model["backbone"]} if light else {}))
    start = config.start
    if model.get("source") == "resnet":
        model.update(backbone="resnet10t", non_local=False)
    if config.recipe == "nformer":
        path = saved_embedder(tmp_path / "encoder.safetensors", "nformer_encoder")
        start = replace(start, embedder=str(path))
    if model.get("source") == "tokens":
        start = replace(start, embedder=str(saved_embedder(tmp_path / "vit.safetensors")))
    if config.recipe == "distill":
        path = saved_embedder(tmp_path / "teacher.safetensors", "nformer_encoder")
        start = replace(start, teacher=str(path))
    return replace(config, model=model, start=start)


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_its_recipe_can_be_built(name, tmp_path):
    config = config_of(name)
    for entry in (*config.data.train, *config.data.evaluate):
        assert find_entry(entry)
    recipe = build_recipe(
        small(config, tmp_path), FACTS.get(config.data.train[0], FACTS["market1501"])
    )
    optimizers = build_optimizers(recipe, config.optimizer)
    in_them = sum(len(group["params"]) for each in optimizers.all for group in each.param_groups)
    assert in_them == sum(each.requires_grad for each in recipe.parameters())
    form = recipe.image_form()
    assert len(form.mean) == 3 and recipe.loss is not None


@pytest.mark.parametrize("name", NAMES)
def test_rows_say_what_to_hit(name):
    config = config_of(name)
    if name.startswith(("bundled/", "local/")):
        assert config.published.source == ""
        return
    assert config.published.source
    assert config.published.mAP or config.published.rank1


def test_titles_tell_rows_apart():
    titles = [config_of(name).title for name in NAMES]
    assert len(set(titles)) == len(titles)


def test_every_recipe_has_a_configuration():
    assert {config_of(name).recipe for name in NAMES} == set(RECIPES)


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("transreid/market1501_baseline", (0.868, 0.947)),
        ("transreid/market1501_s12_sie_jpm", (0.889, 0.952)),
        ("transreid/msmt17_384_s12_sie_jpm", (0.694, 0.862)),
        ("transreid/occluded_duke_s11_sie_jpm", (0.592, 0.664)),
        ("xreid/msmt17", (0.651, 0.84)),
        ("nformer_encoder/market1501", (0.835, 0.932)),
        ("nformer/market1501", (0.911, 0.947)),
        ("rrid/market1501_f", (0.889, 0.952)),
        ("rrid/market1501_s", (0.88, 0.948)),
        ("cacenet/market1501", (0.903, 0.9596)),
    ],
)
def test_published_figures(name, figures):
    published = config_of(name).published
    assert (published.mAP, published.rank1) == pytest.approx(figures)


def settings_of(name: str) -> dict[str, object]:
    """The part of a row that the papers' tables of settings tell."""
    config = config_of(name)
    model = config.model
    return {
        "size": tuple(model.get("image_size", ())),
        "stride": model.get("stride"),
        "lr": config.optimizer.lr,
        "batch": config.sampler.batch_size,
        "side": model.get("side_information", "none"),
        "shift": model.get("jpm_shift") if model.get("jpm") else None,
        "erase": config.augmentation.erase,
    }


@pytest.mark.parametrize(
    ("name", "size", "stride", "lr", "batch", "side", "shift", "erase"),
    [
        ("market1501_baseline", (256, 128), 16, 0.008, 64, "none", None, 0.5),
        ("market1501_384_s12_sie_jpm", (384, 128), 12, 0.008, 64, "camera", 5, 0.5),
        ("dukemtmc_deit_s12_sie_jpm", (256, 128), 12, 0.008, 64, "camera", 5, 0.8),
        ("msmt17_s12_sie_jpm", (256, 128), 12, 0.008, 64, "camera", 5, 0.5),
        ("msmt17_deit_baseline", (256, 128), 16, 0.005, 64, "none", None, 0.8),
        ("occluded_duke_s11_sie_jpm", (256, 128), 11, 0.008, 64, "camera", 5, 0.5),
        ("veri776_baseline", (256, 256), 16, 0.008, 64, "none", None, 0.5),
        ("veri776_s12_sie_jpm", (256, 256), 12, 0.01, 64, "both", 8, 0.5),
        ("vehicleid_baseline", (256, 256), 16, 0.04, 224, "none", None, 0.5),
        ("vehicleid_s16_jpm", (256, 256), 16, 0.045, 224, "none", 8, 0.5),
        ("vehicleid_s12_jpm", (256, 256), 12, 0.045, 256, "none", 8, 0.5),
        ("vehicleid_deit_s12_jpm", (256, 256), 12, 0.03, 256, "none", 8, 0.8),
    ],
)
def test_settings_of_transreid(name, size, stride, lr, batch, side, shift, erase):
    found = settings_of(f"transreid/{name}")
    assert found == {
        "size": size,
        "stride": stride,
        "lr": lr,
        "batch": batch,
        "side": side,
        "shift": shift,
        "erase": erase,
    }


def test_what_all_rows_of_transreid_and_xreid_share():
    for name in NAMES:
        if not name.startswith(("transreid/", "xreid/")):
            continue
        config = config_of(name)
        assert (config.optimizer.kind, config.optimizer.momentum) == ("sgd", 0.9)
        assert config.optimizer.weight_decay == 1e-4 and config.training.epochs == 120
        assert [(rule.match, rule.lr_factor) for rule in config.optimizer.rules] == [
            ("*bias*", 2.0)
        ]
        assert config.sampler.images == 4 and config.sampler.rule == "pk"
        assert config.augmentation.pad_px == 10
        imagenet = bool(re.search("(veri776|vehicleid)_deit", name))
        assert ("mean" in config.model) == imagenet
        if "jpm" in name and "global" not in name:
            assert config.model["gallery_vector"] == "full"


def test_weights_of_xreid():
    for data, intra in (("market1501", 5.0), ("msmt17", 20.0)):
        for row, expected in {
            "": (intra, 0.4, False),
            "_baseline": (0.0, 0.0, False),
            "_ema": (0.0, 0.0, True),
            "_intrax": (intra, 0.0, False),
            "_interx": (0.0, 0.4, False),
        }.items():
            loss = config_of(f"xreid/{data}{row}").loss
            assert (loss["intra"], loss["inter"], loss.get("teacher", False)) == expected


def rates(name: str, epochs: tuple[int, ...], factor: float = 1.0, share: float = 0.0):
    config = config_of(name)
    return [
        learning_rate(
            config.schedule,
            config.optimizer.lr,
            epoch,
            config.training.epochs,
            share=share,
            factor=factor,
        )
        for epoch in epochs
    ]


@pytest.mark.parametrize(
    "name", ["transreid/market1501_baseline", "transreid/msmt17_s12_sie_jpm", "xreid/market1501"]
)
def test_learning_rates_of_transreid(name):
    epochs = (1, 4, 5, 60, 119, 120)
    wanted = [0.001664, 0.006416, 0.00796585, 0.004008, 1.7368e-05, 1.6e-05]
    assert rates(name, epochs) == pytest.approx(wanted, rel=1e-4)
    biases = [0.003264, 0.012816, 0.0159316, 0.008008, 1.87387e-05, 1.6e-05]
    assert rates(name, epochs, factor=2.0) == pytest.approx(biases, rel=1e-4)


def test_learning_rates_of_nformer():
    found = rates("nformer_encoder/market1501", (1, 10, 39, 40, 69, 70, 120))
    wanted = [0.109, 1, 1, 0.1, 0.1, 0.01, 0.01]
    assert found == pytest.approx([3.5e-4 * each for each in wanted])
    assert rates("nformer/market1501", (1, 20)) == [1e-5, 1e-5]
    config = config_of("nformer/market1501")
    assert (config.optimizer.weight_decay, config.training.epochs) == (0.0, 20)
    assert (config.loss["set_size"], config.loss["sets"]) == (7000, 2)


def test_learning_rates_of_rrid():
    """40 epochs at the full rate, 20 at a tenth, 20 at a hundredth; the backbone at a tenth."""
    epochs = (1, 40, 41, 60, 61, 80)
    wanted = [0.01, 0.01, 1e-3, 1e-3, 1e-4, 1e-4]
    for name in ("rrid/market1501_f", "rrid/cuhk03_detected_s"):
        assert rates(name, epochs) == pytest.approx(wanted)
        config = config_of(name)
        (rule,) = config.optimizer.rules
        assert (rule.match, rule.lr_factor) == ("backbone.*", 0.1)
        assert (config.loss["margin"], config.loss["identity"]) == (1.2, 2.0)


def test_learning_rates_of_cacenet():
    """From 0 in five epochs to .00625 for every 16 images, then a cosine to 0."""
    config = config_of("cacenet/market1501")
    peak = 0.00625 * config.sampler.batch_size * config.training.accumulate / 16
    assert peak == 0.0125 == config.optimizer.lr
    assert rates("cacenet/market1501", (1, 3, 6)) == pytest.approx([0, 0.4 * peak, peak])
    middle = rates("cacenet/market1501", (43,), share=0.5)  # 37.5 of 75 epochs
    assert middle == pytest.approx([peak / 2])
    last = peak * (1 + math.cos(math.pi * 74.5 / 75)) / 2
    assert rates("cacenet/market1501", (80,), share=0.5) == pytest.approx([last])


def test_budgets_of_the_local_rows_are_equal():
    """With and without a paper's additions: the same data, batches and epochs."""
    for rows in (
        ("transreid_baseline", "transreid_jpm", "transreid_sie", "transreid_sie_jpm"),
        ("xreid_baseline", "xreid_intrax", "xreid_interx", "xreid", "transreid_baseline"),
        ("rrid_s", "rrid_f", "nformer_encoder"),
        ("cacenet", "cacenet_plain"),
    ):
        budgets = set()
        for row in rows:
            config = config_of(f"local/{row}")
            images = config.training.epochs, config.sampler, config.training.accumulate
            size = tuple(config.model["image_size"])
            budgets.add((images, size, config.data.train, config.data.evaluate))
        assert len(budgets) == 1, rows
