"""The loop in one process: steps, averages, evaluations, checkpoints, and the NaN doctor."""

import json

import pytest
import torch
from lightning.fabric import Fabric

from reid_models.model_file import load_model
from tests.tiny_recipe import tiny_engine
from trainer.checkpoint import BEST, checkpoints, read_checkpoint
from trainer.engine import EpochDone, Evaluated, RunOptions, Saved, StepDone
from trainer.engine.launch import Autocast
from trainer.errors import TrainerError
from trainer.run_log import read_log


def finished(run, people, *settings, **named):
    engine = tiny_engine(run, people, settings, **named)
    events = list(engine.run())
    return engine, events


def test_events_tell_the_whole_training(tmp_path, people):
    engine, events = finished(tmp_path / "run", people)
    steps = [event for event in events if isinstance(event, StepDone)]
    assert [event.progress.step for event in steps] == list(range(9))
    assert {event.progress.steps for event in steps} == {9}
    assert [event.progress.epoch for event in steps] == [1] * 3 + [2] * 3 + [3] * 3
    assert steps[1].progress.epoch_share == pytest.approx(1 / 3)
    assert [(event.in_epoch, event.epoch_steps) for event in steps[:3]] == [(1, 3), (2, 3), (3, 3)]
    assert {event.images for event in steps} == {8}
    epochs = [event for event in events if isinstance(event, EpochDone)]
    first = torch.tensor([event.loss for event in steps[:3]], dtype=torch.float64).mean()
    assert epochs[0].values["loss"] == pytest.approx(first.item())
    assert engine.finished
    assert list(tiny_engine(tmp_path / "run", people).run()) == []


def test_the_sum_of_the_terms_is_the_loss_and_statistics_are_not(tmp_path, people):
    finished(tmp_path / "run", people, "training.epochs=1")
    for line in read_log(tmp_path / "run" / "log.jsonl"):
        values = line["values"]
        assert values["loss"] == pytest.approx(values["id"] + values["triplet"] + values["center"])
        assert 0 <= values["stat/accuracy"] <= 1
        assert values["grad_norm"] > 0


def test_a_last_group_of_batches_may_be_short(tmp_path, people):
    """Three batches, two to a step: the second step has one, in its full weight."""
    _, events = finished(tmp_path / "run", people, "training.accumulate=2", "training.epochs=1")
    steps = [event for event in events if isinstance(event, StepDone)]
    assert [event.images for event in steps] == [16, 8]
    assert steps[-1].loss > steps[0].loss / 2


def test_clipping_limits_the_step(tmp_path, people):
    settings = ("optimizer.weight_decay=0.0", "optimizer.momentum=0.0", "optimizer.rules=[]")
    settings += ("schedule.kind=constant", "optimizer.extra=[{match='centers', lr=0.1}]")
    engine = tiny_engine(tmp_path / "run", people, (*settings, "training.clip_norm=0.01"))
    before = {name: each.clone() for name, each in engine.recipe.network.named_parameters()}
    run = engine.run()
    next(run)
    run.close()
    moved = [
        (each.detach() - before[name]).norm()
        for name, each in engine.recipe.network.named_parameters()
    ]
    assert torch.stack(moved).norm().item() == pytest.approx(0.01 * 0.05, rel=1e-3)


def test_averaged_weights_are_measured_and_exported(tmp_path, people):
    seen = []

    def measure(recipe):
        assert not recipe.training
        seen.append(recipe.network.necks[0].weight.clone())
        torch.rand(100)  # must not change what is computed after it
        return {"people/mAP": 0.5, "mAP": 0.5}

    settings = ("training.ema=0.5", "training.evaluate_every=2")
    options = RunOptions(evaluate=measure)
    engine, _ = finished(tmp_path / "run", people, *settings, options=options)
    last = read_checkpoint(checkpoints(tmp_path / "run" / "checkpoints")[0])
    average, own = (last[name]["network.necks.0.weight"] for name in ("average", "recipe"))
    assert len(seen) == 2  # after epoch 2, and after the last
    assert torch.equal(seen[-1], average)
    assert not torch.equal(average, own)
    assert torch.equal(engine.recipe.network.necks[0].weight, own)
    network, card = load_model(tmp_path / "run" / "model.safetensors")
    assert torch.equal(network.necks[0].weight, average)
    assert card.metrics == {"people mAP": 0.5}
    finished(tmp_path / "plain", people, "training.ema=0.5")
    plain = read_checkpoint(checkpoints(tmp_path / "plain" / "checkpoints")[0])
    for name, weight in plain["recipe"].items():
        assert torch.equal(weight, last["recipe"][name]), name


def test_the_best_is_kept(tmp_path, people):
    results = iter([0.2, 0.7, 0.4])
    options = RunOptions(evaluate=lambda recipe: {"mAP": next(results)})
    settings = ("training.evaluate_every=1", "training.keep=1")
    _, events = finished(tmp_path / "run", people, *settings, options=options)
    measured = [event for event in events if isinstance(event, Evaluated)]
    assert [event.best for event in measured] == [True, True, False]
    folder = tmp_path / "run" / "checkpoints"
    assert read_checkpoint(folder / BEST)["position"]["epoch"] == 3
    assert len(checkpoints(folder)) == 1
    assert (tmp_path / "run" / "best.safetensors").is_file()


def test_an_interrupted_evaluation_is_all_that_is_repeated(tmp_path, people):
    def fail(recipe):
        raise KeyboardInterrupt

    settings = ("training.evaluate_every=1", "training.epochs=2")
    with pytest.raises(KeyboardInterrupt):
        finished(tmp_path / "run", people, *settings, options=RunOptions(evaluate=fail))
    options = RunOptions(evaluate=lambda recipe: {"mAP": 0.5})
    engine = tiny_engine(tmp_path / "run", people, settings, options=options)
    assert engine.position.step == 3
    kinds = [type(event) for event in engine.run()]
    assert kinds[:4] == [Saved, EpochDone, Evaluated, Saved]
    lines = read_log(tmp_path / "run" / "log.jsonl")
    assert [line["epoch"] for line in lines if line["kind"] == "epoch"] == [1, 2]


def test_a_checkpoint_of_another_network_is_refused(tmp_path, people):
    finished(tmp_path / "run", people, "training.epochs=1")
    with pytest.raises(TrainerError, match="of another network"):
        tiny_engine(tmp_path / "run", people, ["model.width=32"])


def test_a_torn_checkpoint_falls_back_and_ends_the_same(tmp_path, people, expected_logs):
    finished(tmp_path / "whole", people)
    finished(tmp_path / "run", people)
    newest = checkpoints(tmp_path / "run" / "checkpoints")[0]
    wanted = read_checkpoint(newest)
    newest.write_bytes(newest.read_bytes()[:1000])
    expected_logs("The one before it is taken")
    engine, _ = finished(tmp_path / "run", people)
    for name, weight in engine.recipe.state_dict().items():
        assert torch.equal(weight, wanted["recipe"][name]), name
    one, other = (read_log(tmp_path / run / "log.jsonl") for run in ("whole", "run"))
    assert [line["values"] for line in one] == [line["values"] for line in other]


def test_bf16_keeps_weights_in_float32(tmp_path, people):
    settings = ("training.precision=bf16-mixed", "training.epochs=1")
    engine, _ = finished(tmp_path / "run", people, *settings)
    assert {each.dtype for each in engine.recipe.parameters()} == {torch.float32}
    losses = [line["values"]["loss"] for line in read_log(tmp_path / "run" / "log.jsonl")]
    finished(tmp_path / "full", people, "training.epochs=1")
    full = [line["values"]["loss"] for line in read_log(tmp_path / "full" / "log.jsonl")]
    assert losses == pytest.approx(full, rel=0.05)
    assert losses != full


def test_float16_needs_a_gpu(tmp_path, people):
    with pytest.raises(TrainerError, match="needs an NVIDIA GPU"):
        tiny_engine(tmp_path / "run", people, ["training.precision=16-mixed"])


@pytest.fixture
def scaled(monkeypatch):
    """Lets float16 with loss scaling, which belongs on a GPU, run on the processor."""

    def launch(config, device, threads):
        plugin = Autocast("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=2.0**40))
        fabric = Fabric(accelerator="cpu", devices=1, plugins=[plugin])
        fabric.launch()
        return fabric

    monkeypatch.setattr("tests.tiny_recipe.launch", launch)


def test_steps_whose_scaled_gradients_overflow_are_left_out(tmp_path, people, scaled):
    """The scale is too large at first; it falls, and is saved and restored with the rest."""
    settings = ("sampler.passes=15", "training.log_steps=1", "training.checkpoint_steps=1")
    engine = tiny_engine(tmp_path / "run", people, settings)
    start = {name: each.clone() for name, each in engine.recipe.named_parameters()}
    run = engine.run()
    next(run)
    run.close()
    for name, each in engine.recipe.named_parameters():
        assert torch.equal(each, start[name]), name
    list(tiny_engine(tmp_path / "run", people, settings).run())
    lines = read_log(tmp_path / "run" / "log.jsonl")
    skipped = [line["values"]["skipped"] for line in lines if line["kind"] == "step"]
    assert skipped[0] == 1.0
    assert skipped[-10:] == [0.0] * 10
    last = read_checkpoint(checkpoints(tmp_path / "run" / "checkpoints")[0])
    assert last["scaler"]["scale"] < 2.0**40
    assert "grad_norm" in lines[-1]["values"]


def test_the_doctor_finds_the_loss_and_the_batch(tmp_path, people):
    """Division by 0 in the losses, after the network: no layer is to blame."""
    settings = ("loss.explode_at=4", "training.checkpoint_steps=1")
    options = RunOptions(image_name=lambda row: f"image {row}")
    with pytest.raises(TrainerError, match="diverged at epoch 2, step 4") as caught:
        finished(tmp_path / "run", people, *settings, options=options)
    assert "the loss center is NaN or infinite" in caught.value.message
    report = json.loads((tmp_path / "run" / "diverged.json").read_text())
    assert report["bad_losses"] == ["center"]
    assert report["losses"]["id"] not in ("nan", "inf")
    assert len(report["batch_indices"]) == 8
    assert report["batch_images"] == [f"image {row}" for row in report["batch_indices"]]
    assert report["learning_rate"] > 0
    assert report["bad_weights"] == []
    assert tiny_engine(tmp_path / "run", people).position.step == 4  # the state before it


def test_too_little_memory_ends_in_advice(tmp_path, people):
    engine = tiny_engine(tmp_path / "run", people)

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    engine.recipe.register_forward_pre_hook(full)
    with pytest.raises(TrainerError, match="too little memory for a batch of 8 images") as caught:
        list(engine.run())
    assert "training.accumulate = 2" in caught.value.remedy


def test_the_doctor_finds_the_layer(tmp_path, people):
    engine = tiny_engine(tmp_path / "run", people)
    with torch.no_grad():
        engine.recipe.network.backbone.patch_embed.proj.weight.mul_(1e30)
        engine.recipe.network.backbone.patch_embed.proj.bias.fill_(3e38)
    with pytest.raises(TrainerError, match="is the first layer whose output is bad") as caught:
        list(engine.run())
    assert "network.backbone" in caught.value.message


def test_the_doctor_finds_a_bad_gradient_of_a_finite_loss(tmp_path, people):
    engine = tiny_engine(tmp_path / "run", people)
    forward = type(engine.recipe).forward

    def with_root(recipe, batch, progress):
        terms = forward(recipe, batch, progress)
        zero = (recipe.centers * 0).sum()
        return {**terms, "root": zero.sqrt()}  # 0, and its slope is infinite

    engine.recipe.__class__ = type("Rooted", (type(engine.recipe),), {"forward": with_root})
    with pytest.raises(TrainerError, match="the loss root is finite, but its gradient in centers"):
        list(engine.run())


def test_rules_that_match_nothing_are_told_before_the_first_step(tmp_path, people):
    with pytest.raises(TrainerError, match="matches"):
        tiny_engine(tmp_path / "run", people, ["optimizer.rules=[{match='base.*'}]"])
