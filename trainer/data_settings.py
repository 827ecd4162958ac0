"""What a configuration says about data: which sets, which augmentation, which batches.

An *entry* names a data set: ``NAME[:FOLDER][#option=value,…]``.

* ``market1501``: found below the data root under any of its usual folder names.
* ``market1501:Market-1501-v15.09.15``: found in that folder (relative to the root, or absolute).
* ``folder:con-reid``: any folder in Market-1501 layout.
* ``…#holdout=100`` or ``…#holdout=100,seed=7``: 100 training identities, drawn by the seed (0 by
  default), are left out of the training and become the query and the gallery. The same entry in
  `train` means the identities that stay, in `evaluate` those that were left out.
* ``tracks:crops``: crops that nobody labelled, ``crops/SOURCE/SOURCE_VIDEO_TRACK_FRAME.jpg``: each
  track is an identity, each source a camera. ``#without=a,b`` leaves sources out,
  ``#most=2000,seed=7`` takes 2000 images of each source at most, whole tracks drawn by the seed
  (0 by default).
* ``msmt17_v1#val=true``: trains on the lists train and val, as TransReID does; false by default.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from trainer.checked_settings import require

EraseForm = Literal["timm", "uniform_aspect", "rrid", "rrid_official"]
EraseFill = Literal["noise", "mean", "mean_values"]
SamplerRule = Literal["pk", "rrid", "plain"]


@dataclass(frozen=True)
class DataConfig:
    """Which data sets are used.

    Attributes:
        root: folder below which data sets lie; "" is the current folder.
        train: entries, trained on together.
        evaluate: entries, evaluated one by one.
        workers: processes that prepare batches; 0: the training's own process does.
        cache: keep decoded crops in memory, so that each file is decoded once.
        cache_gb: bound of that memory in 10⁹ bytes; crops beyond it are decoded anew each time.
    """

    root: str = ""
    train: tuple[str, ...] = ()
    evaluate: tuple[str, ...] = ()
    workers: int = 2
    cache: bool = False
    cache_gb: float = 4.0

    def __post_init__(self) -> None:
        require(self.workers >= 0, "data.workers", self.workers, "a number from 0")
        require(self.cache_gb >= 0, "data.cache_gb", self.cache_gb, "a number from 0")


@dataclass(frozen=True)
class AugmentationConfig:
    """What happens to a training image: resize → look → flip → pad, crop → normalise → erase.

    The defaults are TransReID's. No paper uses `trim` and the group "look" (`jitter`, `grey`,
    `blur`, `rescale`, `jpeg`): they are for models that must work at places they have not seen.

    Attributes:
        interpolation: of the resize; both are antialiased.
        trim: largest share of the height and of the width that is cut off before the resize, as by
            a detector that draws its boxes tighter; 0: none.
        flip: probability of mirroring left and right.
        pad_px: black border from which a crop of the full size is cut; 0: none.
        erase: probability of erasing a rectangle. RRID's published code has .75.
        erase_form: how the rectangle is drawn and where in the order it is erased.
            "timm": aspect log-uniform, ten attempts (TransReID).
            "uniform_aspect": aspect uniform, a hundred attempts (NFormer, CACE-Net).
            "rrid": as "uniform_aspect", but one random colour, before the flip.
            "rrid_official": likewise with the published code's mistake: the rectangle lies at
            (its width, its height) instead of where it was drawn.
        erase_fill: "noise" N(0, 1) for each value; "mean" the data's mean (0 once normalised);
            "mean_values" the numbers of the mean, written into the normalised image as some
            published code does. The "rrid" forms have their own colour.
        erase_area: smallest and largest share of the image.
        erase_aspect: smallest and largest height / width of the rectangle.
        jitter: probability of changing brightness, contrast, saturation and hue.
        jitter_strength: their largest relative changes; hue's in turns of the colour circle.
        grey: probability of taking the colours away.
        blur: probability of a Gaussian blur.
        blur_sigma_px: its smallest and largest standard deviation, at the network's size.
        rescale: probability of scaling down and up again, as of a person far away.
        rescale_factor: smallest and largest factor.
        jpeg: probability of a JPEG compression.
        jpeg_quality: its lowest and highest quality.
    """

    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    trim: float = 0.0
    flip: float = 0.5
    pad_px: int = 10
    erase: float = 0.5
    erase_form: EraseForm = "timm"
    erase_fill: EraseFill = "noise"
    erase_area: tuple[float, float] = (0.02, 1 / 3)
    erase_aspect: tuple[float, float] = (0.3, 1 / 0.3)
    jitter: float = 0.0
    jitter_strength: tuple[float, float, float, float] = (0.3, 0.3, 0.3, 0.05)
    grey: float = 0.0
    blur: float = 0.0
    blur_sigma_px: tuple[float, float] = (0.3, 2.0)
    rescale: float = 0.0
    rescale_factor: tuple[float, float] = (0.25, 0.8)
    jpeg: float = 0.0
    jpeg_quality: tuple[int, int] = (25, 85)

    def __post_init__(self) -> None:
        for name in ("flip", "erase", "jitter", "grey", "blur", "rescale", "jpeg"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"augmentation.{name}", value, "a probability, 0 to 1")
        require(0 <= self.trim < 1, "augmentation.trim", self.trim, "a share, 0 to below 1")
        require(self.pad_px >= 0, "augmentation.pad_px", self.pad_px, "a number from 0")
        hue = self.jitter_strength[3]
        require(
            min(self.jitter_strength) >= 0 and max(self.jitter_strength) < 1 and hue <= 0.5,
            "augmentation.jitter_strength",
            self.jitter_strength,
            "four numbers from 0 to below 1, the last at most 0.5",
        )
        for name, bottom, top in (
            ("erase_area", 0.0, 1.0),
            ("erase_aspect", 0.0, 100.0),
            ("blur_sigma_px", 0.0, 100.0),
            ("rescale_factor", 0.0, 1.0),
            ("jpeg_quality", 0.0, 100.0),
        ):
            low, high = getattr(self, name)
            require(
                bottom < low <= high <= top,
                f"augmentation.{name}",
                (low, high),
                f"two numbers above {bottom:g}, at most {top:g}, the smaller first",
            )


@dataclass(frozen=True)
class SamplerConfig:
    """Which images stand in a batch together; sizes are those of all ranks together.

    Attributes:
        rule: "pk" `identities` distinct identities with `images` each (TransReID);
            "rrid" RRID's published code: each image in turn as an anchor gives `images` others of
            its identity, so an epoch is `images` times the data;
            "plain" shuffled images, `identities` × `images` of them.
        identities: P.
        images: K.
        passes: how often an epoch goes through the data.
        least_images: identities with fewer images are not drawn (CACE-Net: 4).
        most_images: rule "pk": images of an identity in a pass, others each time; 0: all. No paper
            limits them; it is for data sets of which one has many more images a person.
    """

    rule: SamplerRule = "pk"
    identities: int = 16
    images: int = 4
    passes: int = 1
    least_images: int = 1
    most_images: int = 0

    def __post_init__(self) -> None:
        for entry in fields(self):
            if entry.name not in ("rule", "most_images"):
                value = getattr(self, entry.name)
                require(value >= 1, f"sampler.{entry.name}", value, "a number from 1")
        most = self.most_images
        require(
            most == 0 or (most >= self.images and self.rule == "pk"),
            "sampler.most_images",
            most,
            'a number from sampler.images, with the rule "pk", or 0',
        )

    @property
    def batch_size(self) -> int:
        """Images of a batch, over all ranks."""
        return self.identities * self.images
