"""Bring your own: any network in ONNX or OpenVINO IR that turns a person's crop into a vector."""

from __future__ import annotations

import hashlib
import threading
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from reid_models.cores import usable_cores
from reid_models.errors import NetworkError
from reid_models.preprocessing import resized
from reid_models.sessions import (
    CPU_PROVIDER,
    IR_SUFFIX,
    OpenVinoSession,
    open_session,
    provider_of,
    short,
)

if TYPE_CHECKING:
    from reid_models.devices import Precision

PICTURE_MODELS = frozenset({".onnx", IR_SUFFIX})
"""Endings of the files that `PictureModel` opens."""

DEFAULT_SIZE_PX = (256, 128)
# Crops that a GPU gets at a time; on a processor one crop a thread is as fast, and exact.
GPU_BATCH = 16


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class PictureCard:
    """How a network wants its crops: `<file>.onnx.toml` or `<file>.xml.toml` beside the file.

    A pixel becomes (value * scale - mean) / std, in the order of `channel_order`.

    Attributes:
        input_size_px: height and width; by default the network's own, else 256 and 128.
        channel_order: "RGB" or "BGR".
        scale: factor for the values 0..255.
        mean: of each channel, in the network's order.
        std: of each channel, likewise.
        output: name of the output that holds the vector, where there are several.
    """

    input_size_px: tuple[int, int] | None = None
    channel_order: Literal["RGB", "BGR"] = "RGB"
    scale: float = 1 / 255
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    output: str | None = None


def read_card(path: Path, otherwise: PictureCard | None = None) -> PictureCard:
    """The card of a network.

    Args:
        path: the .onnx or .xml file.
        otherwise: what holds where there is none; by default a card's defaults.

    Raises:
        NetworkError: unknown key, wrong type, or no TOML at all.
    """
    card_path = path.with_name(path.name + ".toml")
    known = ", ".join(field.name for field in fields(PictureCard))
    try:
        values = tomllib.loads(card_path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return otherwise or PictureCard()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NetworkError(
            f"The card {card_path.name} cannot be read: {error}.", "Correct or remove it."
        ) from error
    # TOML has no tuples, and 1 is meant where 1.0 is.
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    try:
        card = PictureCard(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise NetworkError(
            f'The card {card_path.name} has a problem at "{key}": {first["msg"]}.',
            f"Its keys are {known}.",
        ) from error
    if min(card.std) <= 0 or card.scale <= 0 or min(card.input_size_px or (1,)) < 1:
        raise NetworkError(
            f"In the card {card_path.name}, scale, std and input_size_px must be above 0.",
            "Correct or remove it.",
        )
    return card


def file_id(path: Path) -> str:
    """File stem + the first 12 digits of the SHA-256 of the file; an IR is joined with its .bin."""
    digest = hashlib.sha256()
    for part in (path, path.with_suffix(".bin"))[: 2 if path.suffix.lower() == IR_SUFFIX else 1]:
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return f"{path.stem}-{digest.hexdigest()[:12]}"


class PictureModel:
    """A network that embeds crops. Any thread may call it; calls are served in turn.

    Attributes:
        id: file stem + 12 digits that change with the file, see `file_id`.
        dimension: length of its vectors.
        card: how it wants its crops.
        input_size_px: height and width of the crops that it gets.
        precision: "float32" or "bf16".
    """

    def __init__(self, path: Path, device: str = "auto", precision: Precision = "auto") -> None:
        """Loads the file and tries it once, so that what is wrong with it shows now.

        Args:
            path: a .onnx file, or a .xml file of OpenVINO with its .bin beside it: one input
                (B, 3, H, W), one vector a crop; B fixed or dynamic.
            device: "auto" (the first GPU if onnxruntime can use it), "cpu", "cuda", "cuda:1"; a
                network of OpenVINO runs on the processor whatever it says.
            precision: "auto" is bf16 where the processor computes in it by itself.

        Raises:
            NetworkError: missing, damaged, not of that shape, or its vectors are unusable.
        """
        if not path.is_file():
            raise NetworkError(
                f"The embedder {path} does not exist.", "Check the path, or choose another file."
            )
        self._name = path.name
        self._lock = threading.Lock()
        provider = CPU_PROVIDER if path.suffix.lower() == IR_SUFFIX else provider_of(device)
        on_gpu = provider != CPU_PROVIDER
        self._workers = 1 if on_gpu else usable_cores()
        # On a processor, crops are embedded side by side, one thread each: twice as fast as one
        # crop on all threads.
        self._session = open_session(path, provider, streams=self._workers, precision=precision)
        self.precision: Precision = "float32"
        noted = None
        if isinstance(self._session, OpenVinoSession):
            self.precision = self._session.precision
            noted = _card_of_conversion(self._session)
        self.card = read_card(path, noted)
        self.id = file_id(path)
        batch, self.input_size_px = self._checked_input()
        self._output = self._chosen_output()
        self._batch = batch or (GPU_BATCH if on_gpu else 1)
        mean, std = (np.array(v, np.float32) for v in (self.card.mean, self.card.std))
        self._factor = (np.float32(self.card.scale) / std)[:, None, None]
        self._offset = (mean / std)[:, None, None]
        self.dimension = self._probe()

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Vectors of crops; a crop's vector does not depend on the others.

        Args:
            images: RGB uint8 (h, w, 3), at least 1 × 1, of any sizes.

        Returns:
            float32 (n, dimension), L2-normalised.

        Raises:
            NetworkError: the network returned something that is no direction.
        """
        if not images:
            return np.zeros((0, self.dimension), np.float32)
        vectors = self._vectors(images)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(vectors).all() or norms.min() == 0:
            raise NetworkError(
                f"{self._name} returned no usable vector for a crop.", "Choose another network."
            )
        return np.asarray(vectors / norms, np.float32)

    def _vectors(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        chunks = [images[i : i + self._batch] for i in range(0, len(images), self._batch)]
        with self._lock:
            workers = min(self._workers, len(chunks))
            if workers < 2:
                found = [self._run(chunk) for chunk in chunks]
            else:
                with ThreadPoolExecutor(workers, "embedder") as pool:
                    found = list(pool.map(self._run, chunks))
        return np.concatenate(found)

    def _run(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Raw vectors of at most one batch, float32 (n, D)."""
        # Always the same batch size: the arithmetic, hence the last bit, may depend on it.
        crops = np.zeros((self._batch, 3, *self.input_size_px), np.float32)
        for row, image in enumerate(images):
            crops[row] = self._prepared(image)
        feed = {self._session.get_inputs()[0].name: crops.astype(self._dtype, copy=False)}
        vectors = self._session.run([self._output], feed)[0]
        return np.asarray(vectors, np.float32).reshape(self._batch, -1)[: len(images)]

    def _prepared(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB uint8 (h, w, 3) → what the network takes, float32 (3, H, W)."""
        pixels = resized(image, self.input_size_px)
        if self.card.channel_order == "BGR":
            pixels = pixels[::-1]
        return np.asarray(pixels * self._factor - self._offset, np.float32)

    def _checked_input(self) -> tuple[int | None, tuple[int, int]]:
        """The fixed batch size or None, and height and width."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(each.name for each in inputs)
            raise self._refused(f"it wants {len(inputs)} inputs ({names}) instead of one picture")
        types = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
        shape = inputs[0].shape
        if inputs[0].type not in types or len(shape) != 4:
            raise self._refused(f"its input is {inputs[0].type} of shape {shape}")
        batch, channels, *sides = (side if isinstance(side, int) else None for side in shape)
        if channels not in (3, None):
            raise self._refused(f"its input has the shape {shape}, not (B, 3, H, W)")
        self._dtype = types[inputs[0].type]
        wanted = self.card.input_size_px or DEFAULT_SIZE_PX
        size_px = (sides[0] or wanted[0], sides[1] or wanted[1])
        if self.card.input_size_px is not None and self.card.input_size_px != size_px:
            raise NetworkError(
                f"The card says input_size_px = {list(self.card.input_size_px)}, but "
                f"{self._name} takes {list(size_px)} only.",
                f"Correct {self._name}.toml.",
            )
        return batch, size_px

    def _chosen_output(self) -> str:
        names = [each.name for each in self._session.get_outputs()]
        if self.card.output in names:
            return str(self.card.output)
        if self.card.output is None and len(names) == 1:
            return str(names[0])
        asked = f'has no output "{self.card.output}"' if self.card.output else "has several outputs"
        raise NetworkError(
            f"{self._name} {asked}: {', '.join(names)}.",
            f'Name the one that holds the vector in {self._name}.toml: output = "{names[0]}".',
        )

    def _probe(self) -> int:
        """Length of the vectors; two different pictures must give two different directions."""
        noise = np.random.default_rng(0)
        noisy = noise.integers(0, 256, (96, 48, 3), dtype=np.uint8)
        pictures = (noisy, (noisy // 3)[::-1])
        crops = np.zeros((self._batch, 3, *self.input_size_px), np.float32)
        feed = {self._session.get_inputs()[0].name: crops.astype(self._dtype, copy=False)}
        try:
            shape = np.shape(self._session.run([self._output], feed)[0])
        except Exception as error:
            # onnxruntime's errors have no common type; here they all are about this file.
            raise self._refused(f"it does not run ({short(error)})") from error
        # (B, D), or (B, D, 1, 1) where the last pooling keeps its axes
        if len(shape) < 2 or shape[0] != self._batch or any(side != 1 for side in shape[2:]):
            raise self._refused(f"its output has the shape {shape}, not (B, D)")
        first, second = (self._run([picture])[0] for picture in pictures)
        if not (np.isfinite(first).all() and np.isfinite(second).all()):
            raise self._refused("it returns NaN or infinite values")
        lengths = float(np.linalg.norm(first)), float(np.linalg.norm(second))
        if min(lengths) == 0 or shape[1] < 2:
            raise self._refused("its vectors have no direction")
        if np.allclose(first / lengths[0], second / lengths[1], rtol=0, atol=1e-6):
            raise self._refused("it returns the same vector for every picture")
        return int(shape[1])

    def _refused(self, reason: str) -> NetworkError:
        return NetworkError(
            f"{self._name} cannot be used as an embedder: {reason}.",
            "Choose a network that turns one crop (B, 3, H, W) into one vector (B, D).",
        )


def _card_of_conversion(session: OpenVinoSession) -> PictureCard:
    """What a network without a card takes, as far as its file tells how it was made.

    Intel's networks, for example, subtract the mean themselves and swap the channels: they note
    mean_values and reverse_input_channels, and take BGR from 0 to 255. Files of ONNX note nothing.
    """
    reverses = (session.noted("reverse_input_channels") or "").lower() == "true"
    order: Literal["RGB", "BGR"] = "BGR" if reverses else "RGB"
    if session.noted("mean_values") or session.noted("scale_values"):
        return PictureCard(channel_order=order, scale=1.0, mean=(0.0,) * 3, std=(1.0,) * 3)
    return PictureCard(channel_order=order)
