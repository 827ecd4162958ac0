"""Whether a network is measured on images or people that it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reid_models.image_hashes import HashSample
from reid_models.model_card import ModelCard, read_card
from reid_models.picture_model import PICTURE_MODELS
from trainer.data.image_hashes import hash_images, read_hashes
from trainer.data.samples import DataSet
from trainer.errors import TrainerError
from trainer.evaluation.extraction import distinct_samples
from trainer.run_log import MODEL_STEMS, RunFolder


@dataclass(frozen=True)
class Overlap:
    """What a data set's queries and gallery share with a training.

    Attributes:
        images: how many of its images can be looked up.
        seen_images: how many of these were trained on.
        people: how many of those who are sought have an image that can be looked up.
        seen_people: how many of these have one that was trained on.
    """

    images: int
    seen_images: int
    people: int
    seen_people: int

    @property
    def flatters(self) -> bool:
        """Whether anything was trained on."""
        return bool(self.seen_images or self.seen_people)

    def told(self, network: str, data_set: str) -> str:
        """A sentence about a network that was measured on a data set."""
        return (
            f"{network} was trained on {self.seen_images} of {self.images} images and "
            f"{self.seen_people} of {self.people} people of {data_set} that can be looked up: its "
            "figures there flatter."
        )


class Measured:
    """A data set with the hashes of its images, those of the training part among them."""

    def __init__(self, data_set: DataSet) -> None:
        """Reads the files of queries and gallery, and of the people sought in the training part.

        Raises:
            TrainerError: a file cannot be read.
        """
        self.data_set = data_set
        self._sought = {sample.identity for trial in data_set.trials for sample in trial.query}
        tested = distinct_samples(data_set)
        # A person may be known by other images than those of the test.
        known = data_set.train if data_set.shared_numbers else ()
        others = [sample for sample in known if sample.identity in self._sought]
        self._tested = len(tested)
        self._people = [sample.identity for sample in (*tested, *others)]
        self._hashes = hash_images([*tested, *others])

    def overlap(self, trained: HashSample) -> Overlap:
        """What it shares with the images of a training."""
        told, seen = trained.look_up(self._hashes)
        people, seen_people = (
            {person for person, has in zip(self._people, mask, strict=True) if has} & self._sought
            for mask in (told, seen)
        )
        return Overlap(
            int(told[: self._tested].sum()),
            int(seen[: self._tested].sum()),
            len(people),
            len(seen_people),
        )


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a network on a data set.

    Attributes:
        overlap: None where the network does not tell its training images.
        warning: a sentence, "" without a reason; `--strict` refuses.
        note: likewise; never refused.
    """

    overlap: Overlap | None = None
    warning: str = ""
    note: str = ""


def judge(path: Path, measured: Sequence[Measured]) -> list[Verdict]:
    """What is to be said of a network's file on each data set.

    Args:
        path: of an embedder, an aggregator or a re-ranker, of any kind of file.
        measured: the data sets.

    Raises:
        NetworkError: its card cannot be read.
        TrainerError: the hashes of its run cannot be read.
    """
    card = None if path.suffix.lower() in PICTURE_MODELS else read_card(path)
    trained = None if card is None else _training_images(path, card)
    return [_judged(path.name, card, trained, each) for each in measured]


def refuse_or_list(verdicts: Sequence[Verdict], *, strict: bool) -> list[str]:
    """The sentences to show, each once.

    Raises:
        TrainerError: there is a warning, and `strict`.
    """
    warnings = [each.warning for each in verdicts if each.warning]
    if strict and warnings:
        raise TrainerError(
            warnings[0],
            "Measure on images that were held out of the training, as in NAME#holdout=100, or "
            "leave --strict away.",
        )
    return list(dict.fromkeys([*warnings, *(each.note for each in verdicts if each.note)]))


def _training_images(path: Path, card: ModelCard) -> HashSample | None:
    """All of them where the file lies in the folder of its run, else the sample of its card."""
    run = RunFolder(path.parent)
    of_run = path.stem.split("-")[0] in MODEL_STEMS and run.image_hashes.is_file()
    # The images of a network that the run began with are not in its list.
    if of_run and not run.read_config().start.model:
        return HashSample.of(read_hashes(run.image_hashes), size=None)
    return card.image_hashes


def _judged(
    name: str, card: ModelCard | None, trained: HashSample | None, measured: Measured
) -> Verdict:
    data_set = measured.data_set
    overlap = None if trained is None else measured.overlap(trained)
    if overlap is not None and overlap.flatters:
        return Verdict(overlap, overlap.told(name, data_set.entry))
    if trained is not None and trained.complete:
        return Verdict(overlap)
    trained_on = () if card is None else card.trained_on
    if _is_held_out(data_set) and any(
        each.partition("#")[0] == data_set.name and each != data_set.entry for each in trained_on
    ):
        return Verdict(
            overlap,
            f"{name} was trained on {data_set.name}, and does not say on which of its people: its "
            f"figures on {data_set.entry} may flatter.",
        )
    if trained is not None:
        note = f"{name} began with a network that does not say which images it knows."
    elif not trained_on:
        note = f"{name} does not say what it was trained on."
    else:
        note = ""
    return Verdict(overlap, note=note)


def _is_held_out(data_set: DataSet) -> bool:
    """Whether its queries are of its own training part."""
    return "holdout=" in data_set.options
