"""Trains a person detector by ultralytics' own loop, offline, and continues it another day."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from reid_models.devices import has_fast_bf16
from reid_models.ultralytics_setup import import_ultralytics
from trainer.detection.data_set import DATA_FILE
from trainer.detection.one_class import person_trainer
from trainer.errors import TrainerError

LAST, RESUMABLE = Path("weights/last.pt"), Path("weights/resumable.pt")
_ARGUMENTS, _RESULTS = "args.yaml", "results.csv"  # what ultralytics calls them
# At a batch of 16, from scratch; ultralytics' own .002 is for 64.
LEARNING_RATE = 0.0012


@dataclass(frozen=True)
class TrainSettings:
    """One training of a detector.

    Attributes:
        data: folder of `detector prepare`.
        out: the run's folder.
        model: a network's description (`yolo11n.yaml`, from scratch) or a .pt file to start from;
            of a file that knows many classes, only "person" is kept.
        epochs: of the whole training; the learning rate falls over these.
        image_size_px: longer side in training, and the size that is noted in the exported file.
        minutes: stop after an epoch before this much time of this session has gone; 0: no limit.
        stop_after: stop this session after that epoch, counted from 1; 0: never.
        learning_rate: at a batch of 16; smaller where the start is good already.
        freeze: so many of the first layers keep the weights of the start.
    """

    data: Path
    out: Path
    model: str = "yolo11n.yaml"
    epochs: int = 100
    image_size_px: int = 416
    batch: int = 16
    device: str = "auto"
    minutes: float = 0.0
    workers: int = 0
    seed: int = 0
    resume: bool = False
    stop_after: int = 0
    learning_rate: float = LEARNING_RATE
    freeze: int = 0


@dataclass(frozen=True)
class EpochDone:
    """Progress: epoch from 1; validation by ultralytics; pictures trained on a second."""

    epoch: int
    epochs: int
    loss: float
    precision: float
    recall: float
    map50: float
    images_per_s: float


@dataclass(frozen=True)
class Trained:
    """What a session of training ended with."""

    weights: Path
    epochs_done: int
    seconds: float
    parameters: int


def training_arguments(settings: TrainSettings) -> dict[str, Any]:
    """What ultralytics' `train` is given.

    Augmentation is ultralytics' own (mosaic, scale, colours, a flip left to right); plots are off,
    as they load a font from the network. Warm-up and the last epochs without mosaic are shares of
    the training: as numbers of epochs, which is ultralytics' way, they would be all of a short one.
    Each batch is an update, where ultralytics adds up 64 pictures: a short training needs them.
    """
    return {
        "data": str((settings.data / DATA_FILE).resolve()),
        "epochs": settings.epochs,
        "imgsz": settings.image_size_px,
        "batch": settings.batch,
        "device": ultralytics_device(settings.device),
        "workers": settings.workers,
        "seed": settings.seed,
        "deterministic": True,
        "single_cls": False,  # the data knows one class, and True would rename it to "item"
        "save_dir": str(settings.out.resolve()),
        "exist_ok": True,
        "cos_lr": True,
        "optimizer": "AdamW",
        "lr0": settings.learning_rate * (settings.batch / 16) ** 0.5,
        "lrf": 0.02,
        "momentum": 0.9,
        "weight_decay": 0.01,
        "nbs": settings.batch,
        "warmup_epochs": min(3.0, 0.06 * settings.epochs),
        "warmup_bias_lr": 0.0,
        "close_mosaic": min(10, round(0.17 * settings.epochs)),
        "patience": 0,
        "freeze": settings.freeze,
        "plots": False,
        "verbose": False,
        # On a GPU its self-test of this wants a file from the network.
        "amp": False,
    }


def train_detector(settings: TrainSettings, tell: Callable[[EpochDone], None]) -> Trained:
    """Trains; leaves weights/last.pt, and weights/resumable.pt after each epoch.

    Raises:
        TrainerError: no data, an unknown network, a folder in use, or nothing left to train.
    """
    _check(settings)
    import_ultralytics()
    from ultralytics import YOLO

    start = time.monotonic()
    state = settings.out / RESUMABLE
    try:
        model: Any = YOLO(str(state if settings.resume else settings.model), task="detect")
    except (FileNotFoundError, ConnectionError) as error:
        raise TrainerError(
            f"There is no network {settings.model} here.",
            "Name one that ultralytics describes (yolo11n.yaml, yolov8n.yaml) or a .pt file.",
        ) from error
    watch = _Watch(settings, tell, start)
    model.add_callback("on_train_start", _use_bf16)
    for event in ("on_train_epoch_start", "on_train_epoch_end", "on_model_save",
                  "on_fit_epoch_end"):  # fmt: skip
        model.add_callback(event, getattr(watch, event))
    threads = torch.get_num_threads()
    try:
        model.train(
            trainer=person_trainer(), resume=settings.resume, **training_arguments(settings)
        )
    except AssertionError as error:
        raise TrainerError(
            f"{settings.out} is trained to its end.", "Start another run for more epochs."
        ) from error
    finally:
        torch.set_num_threads(threads)  # ultralytics changes it for the whole process
    parameters = sum(one.numel() for one in model.model.parameters())
    return Trained(settings.out / LAST, watch.epochs_done, time.monotonic() - start, parameters)


def trained_so_far(run: Path) -> tuple[TrainSettings, Trained]:
    """A run's settings, as far as a card names them, and what it has reached.

    Raises:
        TrainerError: the folder holds no run, or one whose first epoch has not ended.
    """
    state = run / RESUMABLE
    import_ultralytics()
    from ultralytics.nn.tasks import load_checkpoint
    from ultralytics.utils import YAML

    try:
        told = YAML.load(run / _ARGUMENTS)
        with (run / _RESULTS).open(encoding="utf-8") as file:
            last = list(csv.DictReader(file))[-1]
        network, _ = load_checkpoint(str(state))
    except (OSError, IndexError) as error:
        raise TrainerError(
            f"{run} holds no detector that has been trained for an epoch.",
            "Name the folder that `detector train` was given with --out.",
        ) from error
    settings = TrainSettings(
        Path(told["data"]).parent, run, told["model"], told["epochs"], told["imgsz"], told["batch"],
        "cpu" if told["device"] == "cpu" else "auto", seed=told["seed"],
        learning_rate=told["lr0"], freeze=told["freeze"],
    )  # fmt: skip
    parameters = sum(one.numel() for one in network.parameters())
    return settings, Trained(state, int(last["epoch"]), float(last["time"]), parameters)


def _use_bf16(trainer: Any) -> None:
    """Lets a processor that computes in bfloat16 train in it, twice as fast; losses stay float32.

    ultralytics knows this for GPUs only. Its validation and what it saves are the averaged
    network's, which is not touched.
    """
    if trainer.device.type != "cpu" or not has_fast_bf16(trainer.device):
        return
    network = trainer.model.to(memory_format=torch.channels_last)
    predict = network.predict

    def predict_in_bf16(*arguments: Any, **named: Any) -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return _in_float32(predict(*arguments, **named))

    network.predict = predict_in_bf16


def _in_float32(output: Any) -> Any:
    if isinstance(output, torch.Tensor):
        return output.float() if output.is_floating_point() else output
    if isinstance(output, dict):
        return {name: _in_float32(one) for name, one in output.items()}
    return type(output)(_in_float32(one) for one in output)


def ultralytics_device(name: str) -> str:
    """A device's name in ultralytics' words: "cpu", "0", "1", "mps".

    Raises:
        TrainerError: there is no such device.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "0" if gpus else "cpu"
    if name in ("cpu", "mps"):
        return name
    number = name.removeprefix("cuda").removeprefix(":") or "0"
    if not name.startswith("cuda") or not number.isdecimal() or int(number) >= gpus:
        raise TrainerError(f"There is no device {name} here.", "Choose auto, cpu, cuda or mps.")
    return number


def _check(settings: TrainSettings) -> None:
    if not (settings.data / DATA_FILE).is_file():
        raise TrainerError(
            f"{settings.data} holds no detector's data set.", "Make one with `detector prepare`."
        )
    if settings.image_size_px % 32:
        raise TrainerError(
            f"The image size {settings.image_size_px} is no multiple of 32.", "Give 416 or 640."
        )
    state = settings.out / RESUMABLE
    if settings.resume and not state.is_file():
        raise TrainerError(f"{state} does not exist.", "Start without --resume.")
    if not settings.resume and (settings.out / "weights").exists():
        raise TrainerError(
            f"{settings.out} holds a run already.", "Give --resume, or another folder with --out."
        )


class _Watch:
    """Follows ultralytics' loop by its callbacks; each is called with its trainer."""

    def __init__(
        self, settings: TrainSettings, tell: Callable[[EpochDone], None], start: float
    ) -> None:
        self._settings, self._tell, self._start = settings, tell, start
        self._epoch_start = start
        self._train_s = self._longest_s = 0.0
        self._trained = False
        self.epochs_done = 0

    def on_train_epoch_start(self, trainer: Any) -> None:
        self._epoch_start = time.monotonic()

    def on_train_epoch_end(self, trainer: Any) -> None:
        self._train_s = time.monotonic() - self._epoch_start  # validation not included
        self._trained = True

    def on_model_save(self, trainer: Any) -> None:
        # When it stops, for whatever reason, ultralytics takes the optimiser out of last.pt.
        state = self._settings.out / RESUMABLE
        part = state.with_suffix(".part")
        shutil.copyfile(trainer.last, part)
        part.replace(state)

    def on_fit_epoch_end(self, trainer: Any) -> None:
        if not self._trained:
            return  # called once more after the final validation, with an epoch that never was
        self._trained = False
        self.epochs_done = trainer.epoch + 1
        metrics = trainer.metrics
        self._tell(
            EpochDone(
                self.epochs_done, trainer.epochs, sum(float(v) for v in trainer.tloss.values()),
                metrics.get("metrics/precision(B)", 0.0), metrics.get("metrics/recall(B)", 0.0),
                metrics.get("metrics/mAP50(B)", 0.0),
                len(trainer.train_loader.dataset) / max(self._train_s, 1e-9),
            )
        )  # fmt: skip
        now = time.monotonic()
        self._longest_s = max(self._longest_s, now - self._epoch_start)
        limit_s = 60 * self._settings.minutes
        is_late = limit_s and now - self._start + self._longest_s > limit_s
        if is_late or self.epochs_done == self._settings.stop_after:
            trainer.stop = True
