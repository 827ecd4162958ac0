"""The loop of every training; it knows no paper."""

from trainer.engine.engine import Engine, RunOptions
from trainer.engine.events import EpochDone, Evaluated, Event, Saved, StepDone, Stopped
from trainer.engine.launch import launch, seed_everything
from trainer.engine.measuring import Measure

__all__ = [
    "Engine",
    "EpochDone",
    "Evaluated",
    "Event",
    "Measure",
    "RunOptions",
    "Saved",
    "StepDone",
    "Stopped",
    "launch",
    "seed_everything",
]
