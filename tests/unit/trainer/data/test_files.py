"""Image files: every kind that is read, upright, and scaled as the application scales them."""

import numpy as np
import pytest
from PIL import Image

from app.vision.pictures import read_picture
from trainer.data.files import IMAGE_SUFFIXES, image_files, read_image
from trainer.errors import TrainerError

ORIENTATION = 0x112
LOSSLESS = {".webp": {"lossless": True}}


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(256, size=(20, 10, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_every_kind_is_listed_and_read_as_the_application_does(tmp_path, pixels, suffix):
    path = tmp_path / f"one{suffix.upper()}"
    Image.fromarray(pixels).save(path, **LOSSLESS.get(suffix, {}))
    (tmp_path / "notes.txt").touch()
    assert image_files(tmp_path) == [path]
    found = read_image(path)
    assert found.shape == pixels.shape
    np.testing.assert_array_equal(found, read_picture(path))
    if suffix not in (".jpg", ".jpeg"):
        np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_images_are_upright_as_their_exif_says(tmp_path, pixels, suffix, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"turned{suffix}"
    Image.fromarray(pixels).save(path, exif=exif, **LOSSLESS.get(suffix, {}))
    found = read_image(path)
    assert found.shape == ((10, 20, 3) if orientation == 6 else (20, 10, 3))
    np.testing.assert_array_equal(found, read_picture(path))
    if suffix != ".jpg":
        np.testing.assert_array_equal(found, np.rot90(pixels, {3: 2, 6: 3}[orientation]))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_grey_of_16_bits_is_scaled(tmp_path, suffix):
    grey = np.linspace(0, 65535, 200).astype(np.uint16).reshape(20, 10)
    path = tmp_path / f"deep{suffix}"
    Image.fromarray(grey).save(path)
    found = read_image(path)
    assert (found.dtype, found.shape) == (np.uint8, (20, 10, 3))
    np.testing.assert_array_equal(found, np.repeat((grey >> 8)[..., None], 3, axis=2))
    np.testing.assert_array_equal(found, read_picture(path))


def test_grey_of_16_bits_is_turned_too(tmp_path):
    grey = np.linspace(0, 65535, 200).astype(np.uint16).reshape(20, 10)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(grey).save(tmp_path / "deep.png", exif=exif)
    found = read_image(tmp_path / "deep.png")
    np.testing.assert_array_equal(found[..., 0], np.rot90(grey >> 8, 3))


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_32_bits_are_refused(tmp_path, kind):
    Image.fromarray(np.ones((4, 3), kind)).save(tmp_path / "odd.tif")
    with pytest.raises(TrainerError, match="32 bits a value"):
        read_image(tmp_path / "odd.tif")
