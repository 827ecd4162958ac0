"""A TOML becomes checked settings, or a sentence that says what to write instead."""

from dataclasses import replace

import pytest

from trainer.checked_settings import build
from trainer.config import (
    TrainConfig,
    config_names,
    configs_with,
    differences,
    find_config,
    load_config,
    to_toml,
)
from trainer.errors import TrainerError
from trainer.recipes.transreid import TransReIDLoss

BASE = """
recipe = "transreid"
title = "the base"
[published]
mAP = 0.5
[model]
architecture = "transreid"
stride = 16
[optimizer]
rules = [{match = "*bias", lr_factor = 2}]
[training]
epochs = 60
"""


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "base.toml"
    path.write_text(BASE)
    return path


def test_defaults_fill_what_a_file_leaves_out(base):
    config = load_config(base)
    assert config.training.epochs == 60
    assert config.training.seed == TrainConfig("x").training.seed
    assert config.optimizer.rules[0].lr_factor == 2.0
    assert config.evaluation.rerank is None


def test_a_row_states_only_what_differs_and_inherits_no_title_and_no_result(tmp_path, base):
    row = tmp_path / "rows" / "row.toml"
    row.parent.mkdir()
    row.write_text('base = "../base.toml"\n[model]\nstride = 12\n')
    config = load_config(row)
    assert config.model == {"architecture": "transreid", "stride": 12}
    assert config.training.epochs == 60
    assert (config.title, config.published.mAP) == ("", None)


def test_overrides_are_toml_values_or_plain_text(base):
    overrides = (
        "training.epochs=3",
        "start.pretrained=imagenet",
        "data.train=['market1501', 'folder:mine']",
        "evaluation.rerank=[20, 6, 0.3]",
        "model.jpm=false",
        "loss.margin=0.3",
        "optimizer.lr = 1",
    )
    config = load_config(base, overrides)
    assert config.training.epochs == 3
    assert config.start.pretrained == "imagenet"
    assert config.data.train == ("market1501", "folder:mine")
    assert config.evaluation.rerank == (20, 6, 0.3)
    assert config.model["jpm"] is False
    assert config.loss == {"margin": 0.3}
    assert config.optimizer.lr == 1.0


def test_a_configuration_written_and_read_is_the_same(tmp_path, base):
    config = load_config(base, ["evaluation.rerank=[20, 6, 0.3]", "schedule.milestones=[40, 70]"])
    path = tmp_path / "written.toml"
    path.write_text(to_toml(config))
    assert load_config(path) == config
    assert differences(config, load_config(path)) == {}


def test_differences_name_the_key_and_both_values(base):
    config = load_config(base)
    other = replace(config, training=replace(config.training, epochs=7), loss={"margin": 1.0})
    found = differences(config, other)
    assert found == {"training.epochs": (60, 7), "loss.margin": (None, 1.0)}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.epoch=1", '"training.epoch". Use epochs, precision'),
        ("trainng.epochs=1", "Use recipe, title"),
        ("optimizer.rules=[{mach = 'x'}]", "optimizer.rules.0.mach"),
        ("training.epochs='3'", "training.epochs"),
        ("training.epochs=0", "a number from 1"),
        ("training.ema=1.0", "training.ema"),
        ("training.seed=-5", "training.seed"),
        ("optimizer.lr=inf", "optimizer.lr"),
        ("optimizer.weight_decay=-1", "optimizer.weight_decay"),
        ("optimizer.momentum=5", "optimizer.momentum"),
        ("optimizer.betas=[0.9, 2]", "optimizer.betas"),
        ("evaluation.batch_size=0", "evaluation.batch_size"),
        ("evaluation.pairs=-3", "evaluation.pairs"),
        ("schedule.milestones=[3, 1]", "the smaller first"),
        ("schedule.gamma=-1", "schedule.gamma"),
        ("optimizer.extra=[{match = 'x', lr = 0}]", "optimizer.extra.lr"),
        ("optimizer.rules=[{match = 'x', lr_factor = -1}]", "optimizer.rules.lr_factor"),
        ("epochs=3", "Use training.epochs."),
        ("evaluation.rerank=[1, 2]", "evaluation.rerank"),
        ("augmentation.flip=2", "a probability"),
        ("optimizer=3", "optimizer"),
        ("training.epochs.x=3", '"epochs" is no section'),
        ("data.root=2020-01-01", "neither number, text nor list"),
        ("epochs", "section.key=value"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(base, override, words):
    with pytest.raises(TrainerError) as caught:
        load_config(base, [override])
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("override", "message", "remedy"),
    [
        ("training.epochs=2.5", '"training.epochs" cannot be 2.5.', "a whole number"),
        ("training.epochs='3'", '"training.epochs" cannot be "3".', "a whole number"),
        ("data.cache=1", '"data.cache" cannot be 1.', "true or false"),
        (
            "schedule.kind=cosine",
            '"schedule.kind" cannot be "cosine".',
            '"cosine_epoch", "multistep", "warmup_cosine" or "constant"',
        ),
        ("optimizer.betas=[0.9]", '"optimizer.betas" cannot be [0.9].', "[a number, a number]"),
        ("evaluation.batch_size=x", '"evaluation.batch_size" cannot be "x".', "a whole number"),
        ("data.train=[3]", '"data.train" cannot be [3].', "a list in brackets, each entry a text"),
        ("optimizer.rules=[{match = 3}]", '"optimizer.rules.0.match" cannot be 3.', "a text"),
        ("optimizer.rules=[{}]", '"optimizer.rules.0.match" is missing.', "a text"),
        ("sampler=3", '"sampler" cannot be 3.', "a table with rule, identities"),
        ("model=3", '"model" cannot be 3.', "a table"),
        ("title=[" + "1, " * 60 + "]", "[1, 1, 1, ", "a text"),
    ],
)
def test_a_wrong_value_is_shown_beside_those_that_are_allowed(base, override, message, remedy):
    with pytest.raises(TrainerError) as caught:
        load_config(base, [override])
    assert message in caught.value.message
    assert caught.value.remedy.startswith(f"Set it to {remedy}")


def test_a_setting_of_several_kinds_names_them_all():
    with pytest.raises(TrainerError, match=r'"loss.margin" cannot be "x".* a number or "soft"'):
        build(TransReIDLoss, {"margin": "x"}, "loss")


def test_files_that_cannot_be_used(tmp_path, base):
    circle = tmp_path / "circle.toml"
    circle.write_text('base = "circle.toml"')
    broken = tmp_path / "broken.toml"
    broken.write_text("recipe = ")
    for path, words in (
        (circle, "based on itself"),
        (broken, "cannot be read"),
        (tmp_path / "none.toml", "No such file"),
    ):
        with pytest.raises(TrainerError, match=words):
            load_config(path)
    with pytest.raises(TrainerError, match="There is no configuration"):
        find_config("transreid/nothing")
    assert find_config(str(base)) == base


def test_shipped_configurations_are_found_by_name():
    for name in config_names()[:3]:
        assert find_config(name).is_file()
    assert configs_with("") == config_names()
    assert {name.rpartition("/")[2][:6] for name in configs_with("MSMT17_JPM")} == {"msmt17"}


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("transried", "such as "),
        ("transreid/markt1501_s12_sie_jpm", "such as transreid/market1501_s12_sie_jpm, "),
        ("qqqq", "Search for another word; without"),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_the_nearest(word, near):
    with pytest.raises(TrainerError) as caught:
        configs_with(word)
    assert near in caught.value.remedy


def test_the_name_of_a_method_alone_is_answered_with_its_rows():
    with pytest.raises(TrainerError, match="such as xreid/market1501, xreid/market1501_baseline"):
        find_config("xreid")
