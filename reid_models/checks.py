"""What every network holds its settings and its images to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reid_models.errors import NetworkError

if TYPE_CHECKING:
    from torch import Tensor


def check_at_least(config: Any, least: int, *names: str) -> None:
    """Refuses numbers, or tuples of numbers, that are too small; a setting of None is not given.

    Args:
        config: a network's configuration, whose class is called after the network.
        least: the smallest number that is possible.
        *names: of the settings.

    Raises:
        NetworkError: one is smaller.
    """
    for name in names:
        value = getattr(config, name)
        numbers = value if isinstance(value, tuple) else (value,)
        if value is not None and min(numbers) < least:
            raise NetworkError(
                f"{type(config).__name__.removesuffix('Config')} cannot have {value} as its "
                f"{name}.",
                f"Choose a number from {least}.",
            )


def check_image_size(images: Tensor, size_px: tuple[int, int]) -> None:
    """Refuses images (B, 3, H, W) that are not of the network's height and width.

    Raises:
        NetworkError: they are of another size.
    """
    if images.ndim != 4:
        raise NetworkError(
            f"The network takes images (B, 3, height, width) and was given a tensor of shape "
            f"{tuple(images.shape)}.",
            "Hand over a batch, even of a single image.",
        )
    if tuple(images.shape[2:]) != size_px:
        raise NetworkError(
            f"The network takes images of {size_px[0]}×{size_px[1]} px and was given "
            f"{images.shape[2]}×{images.shape[3]} px.",
            "Resize them to its input size.",
        )
