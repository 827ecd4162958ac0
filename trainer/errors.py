"""The error of the trainer; light, so that anyone may import it."""

from reid_models.errors import ToldError


class TrainerError(ToldError):
    """A data set, configuration, run or file cannot be used."""
