"""What went wrong when a loss or gradient is NaN or infinite: where it began, and with what."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from trainer.data.training_set import Batch
from trainer.errors import TrainerError
from trainer.recipe import Progress, Recipe

_SHOWN = 5


def explain(
    recipe: Recipe,
    fabric: Fabric,
    batches: Sequence[Batch],
    progress: Progress,
    rate: float,
    report: Path,
    image_name: Callable[[int], str] = str,
) -> TrainerError:
    """Looks for the beginning of a NaN, writes all that was found, and says the most likely cause.

    Args:
        recipe: as it was when the step failed; its gradients are overwritten.
        fabric: on which it runs.
        batches: of the step that failed, on the device.
        progress: of the step.
        rate: learning rate of the step.
        report: the JSON file to write.
        image_name: of a row of the training set.
    """
    found: dict[str, Any] = {}
    for batch in batches:
        found = _examine(recipe, fabric, batch, progress)
        if found["bad_losses"] or found["bad_gradients"]:
            break
    found = {"epoch": progress.epoch, "step": progress.step, "learning_rate": rate, **found}
    found["batch_images"] = [image_name(row) for row in found["batch_indices"]]
    if fabric.world_size > 1:
        report = report.with_stem(f"{report.stem}-{fabric.global_rank}")
    report.write_text(json.dumps(found, indent=1), encoding="utf-8")
    where = f"epoch {progress.epoch}, step {progress.step}, learning rate {rate:.3g}"
    return TrainerError(
        f"The training diverged at {where}: {_cause(found)}. {report} names the losses, the layers "
        "and the images of this batch.",
        f"{_advice(found)} The last checkpoint is from before it.",
    )


def out_of_memory(device: torch.device, images: int, accumulate: int) -> TrainerError:
    """What to do where a batch does not fit.

    Args:
        device: that is full.
        images: of a batch in this process.
        accumulate: batches of a step.
    """
    return TrainerError(
        f"{device} has too little memory for a batch of {images} images.",
        f"Halve sampler.identities and set training.accumulate = {2 * accumulate}, or set "
        'training.precision = "bf16-mixed" if it is not.',
    )


def _examine(recipe: Recipe, fabric: Fabric, batch: Batch, progress: Progress) -> dict[str, Any]:
    terms, layer = _forward(recipe, fabric, batch, progress)
    return {
        "losses": {name: f"{value.item():.6g}" for name, value in terms.items()},
        "bad_losses": _bad(terms.items()),
        "bad_inputs": _bad(zip(batch._fields, batch, strict=True)),
        # Not the statistics of norms: the forward pass that failed has spoilt them.
        "bad_weights": _bad(recipe.named_parameters()),
        "first_layer_with_bad_output": layer,
        "bad_gradients": _gradients(recipe, terms),
        "largest_weights": _largest(recipe),
        "batch_indices": batch.indices.flatten().tolist(),
    }


def _forward(
    recipe: Recipe, fabric: Fabric, batch: Batch, progress: Progress
) -> tuple[dict[str, Tensor], str | None]:
    """The loss terms again, and the first module whose output is bad while its input is not."""
    first: list[str] = []

    def watch(name: str) -> Any:
        def look(module: nn.Module, given: Any, returned: Any) -> None:
            if not first and _has_bad(returned) and not _has_bad(given):
                first.append(f"{name} ({type(module).__name__})")

        return look

    with ExitStack() as stack:
        for name, module in recipe.named_modules():
            if name:
                stack.callback(module.register_forward_hook(watch(name)).remove)
        stack.enter_context(fabric.autocast())
        terms = recipe(batch, progress)
    return terms, first[0] if first else None


def _gradients(recipe: Recipe, terms: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """For each loss term that has a gradient, the parameters that get a bad one from it."""
    names, parameters = zip(
        *((name, each) for name, each in recipe.named_parameters() if each.requires_grad),
        strict=True,
    )
    found: dict[str, list[str]] = {}
    for term, value in terms.items():
        if term.startswith("stat/") or not value.requires_grad:
            continue
        gradients: tuple[Tensor | None, ...] = torch.autograd.grad(
            value, parameters, retain_graph=True, allow_unused=True
        )
        bad = _bad((name, g) for name, g in zip(names, gradients, strict=True) if g is not None)
        if bad:
            # Gradients flow from the end to the beginning: the last layers had it first.
            found[term] = bad[::-1]
    return found


def _largest(recipe: Recipe) -> dict[str, float]:
    sizes = {name: each.detach().abs().max().item() for name, each in recipe.named_parameters()}
    finite = {name: size for name, size in sizes.items() if math.isfinite(size)}
    return dict(sorted(finite.items(), key=lambda pair: -pair[1])[:_SHOWN])


def _cause(found: Mapping[str, Any]) -> str:
    if found["bad_inputs"]:
        return f"the batch itself has NaN or infinite {', '.join(found['bad_inputs'])}"
    if found["bad_weights"]:
        return f"weights are NaN or infinite ({', '.join(found['bad_weights'][:_SHOWN])})"
    if found["first_layer_with_bad_output"]:
        return f"{found['first_layer_with_bad_output']} is the first layer whose output is bad"
    if found["bad_losses"]:
        return f"the loss {', '.join(found['bad_losses'])} is NaN or infinite"
    if found["bad_gradients"]:
        term, layers = next(iter(found["bad_gradients"].items()))
        return f"the loss {term} is finite, but its gradient in {layers[0]} is not"
    return "the sum of the losses or gradients is too large, though each part is finite"


def _advice(found: Mapping[str, Any]) -> str:
    if found["bad_inputs"]:
        return "Check these images and the augmentation."
    if found["bad_weights"] or found["first_layer_with_bad_output"]:
        return (
            "Lower optimizer.lr, lengthen the warm-up, set training.clip_norm, or train in float32."
        )
    return "Lower optimizer.lr, set training.clip_norm, or check the margins and weights in [loss]."


def _bad(tensors: Iterable[tuple[str, Tensor]]) -> list[str]:
    return [
        name
        for name, each in tensors
        if each.is_floating_point() and not torch.isfinite(each).all()
    ]


def _has_bad(value: Any) -> bool:
    """Whether there is NaN or an infinity anywhere in what a module takes or returns."""
    if isinstance(value, Tensor):
        return value.is_floating_point() and not bool(torch.isfinite(value).all())
    if isinstance(value, Mapping):
        value = value.values()
    elif hasattr(value, "__dict__"):  # outputs that are dataclasses
        value = vars(value).values()
    elif not isinstance(value, tuple | list):
        return False
    return any(_has_bad(each) for each in value)
