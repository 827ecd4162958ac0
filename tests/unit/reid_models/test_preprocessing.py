"""The one resize: Pillow's, without letterbox; and the normalisation."""

import numpy as np
import pytest
import torch

from reid_models.errors import NetworkError
from reid_models.preprocessing import batch_of, normalised, resized


def crop(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(300, 120), (40, 20), (1, 1), (257, 129), (900, 30)])
def test_crops_are_scaled_as_pillow_and_hence_torchvision_does(size):
    from PIL import Image
    from torchvision.transforms import Resize
    from torchvision.transforms.functional import pil_to_tensor

    picture = Image.fromarray(crop(*size))
    pillows = pil_to_tensor(Resize((256, 128))(picture)).numpy()
    ours = resized(np.asarray(picture), (256, 128))
    assert ours.shape == (3, 256, 128)
    assert ours.dtype == np.uint8
    # Rounding after each direction: at most one grey level.
    assert np.abs(ours.astype(int) - pillows).max() <= 1


def test_a_crop_of_the_right_size_is_left_as_it_is():
    image = crop(32, 16)
    np.testing.assert_array_equal(resized(image, (32, 16)), image.transpose(2, 0, 1))


def test_views_and_read_only_pictures_are_taken():
    image = crop(50, 30)
    view = image[5:, ::-1]
    frozen = view.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(resized(view, (32, 16)), resized(frozen, (32, 16)))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_what_is_no_picture_is_refused(image):
    with pytest.raises(NetworkError, match="uint8"):
        resized(image, (32, 16))


def test_a_batch_has_a_fixed_number_of_rows():
    images = [crop(40, 20), crop(9, 9, seed=1)]
    batch = batch_of(images, (32, 16), 4)
    assert batch.shape == (4, 3, 32, 16)
    np.testing.assert_array_equal(batch[1], resized(images[1], (32, 16)))
    assert not batch[2:].any()


def test_normalisation_is_by_channel():
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 3, 1, 1)
    values = normalised(pixels, (0.5, 0.2, 0.0), (0.5, 1.0, 2.0))
    assert values.dtype == torch.float32
    torch.testing.assert_close(values.flatten(), torch.tensor([-1.0, 0.0, 0.5]))
