"""The transformer trunk: patches, positions, blocks, side information."""

import pytest
import torch
from torch import nn

from reid_models.backbones.attention import first_token_of
from reid_models.backbones.positions import resize_positions
from reid_models.backbones.side_information import SideInformation
from reid_models.backbones.vit import (
    ConvStem,
    StridedPatchEmbed,
    ViTSize,
    make_vit,
    new_blocks,
    patch_grid,
)
from reid_models.errors import NetworkError

SMALL = ViTSize(width=32, depth=3, heads=2)
SETTINGS = {"width": 32, "depth": 3, "heads": 2, "image_size": (64, 32)}


@pytest.mark.parametrize(
    ("image_size", "stride", "grid"),
    [
        ((256, 128), 16, (16, 8)),
        ((256, 128), 14, (18, 9)),
        ((256, 128), 12, (21, 10)),
        ((256, 128), 11, (22, 11)),
        ((384, 128), 16, (24, 8)),
        ((384, 128), 12, (31, 10)),
        ((384, 128), 11, (34, 11)),
        ((256, 256), 14, (18, 18)),
        ((256, 256), 12, (21, 21)),
        ((256, 256), 11, (22, 22)),
    ],
)
def test_patches_of_the_published_sizes(image_size, stride, grid):
    assert patch_grid(image_size, stride) == grid
    tokens = StridedPatchEmbed(4, stride)(torch.zeros(1, 3, *image_size))
    assert tokens.shape == (1, grid[0] * grid[1], 4)


@pytest.mark.parametrize(
    ("image_size", "stride"), [((8, 128), 16), ((256, 128), 0), ((64, 64), 17)]
)
def test_impossible_patches(image_size, stride):
    with pytest.raises(NetworkError):
        patch_grid(image_size, stride)


def test_tokens_stand_row_by_row():
    embed = StridedPatchEmbed(1, 16)
    nn.init.ones_(embed.proj.weight)
    image = torch.zeros(1, 3, 32, 48)
    image[0, 0, 0, 32] = 1  # first row, third column
    image[0, 0, 31, 0] = 2  # second row, first column
    assert embed(image).flatten().tolist() == [0, 0, 1, 2, 0, 0]


@pytest.mark.parametrize("width", [192, 384, 768])
def test_convolutional_stem_has_the_grid_of_patches(width):
    stem = ConvStem(width).eval()
    assert stem(torch.zeros(1, 3, 64, 32)).shape == (1, 8, width)
    assert stem.proj.kernel_size == (1, 1)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in stem.modules()) == (
        6 if width == 768 else 4
    )


def test_convolutional_stem_refuses_other_strides():
    with pytest.raises(NetworkError, match="stride of 16"):
        make_vit(SMALL, (64, 32), stride=12, stem="conv")
    with pytest.raises(NetworkError, match="whole steps"):
        make_vit(SMALL, (60, 32), stem="conv")


def test_images_of_another_size_are_refused():
    trunk, _ = make_vit(SMALL, (64, 32))
    with pytest.raises(NetworkError, match="64×32 px and was given 32×64"):
        trunk(torch.zeros(1, 3, 32, 64))
    with pytest.raises(NetworkError, match=r"shape \(3, 64, 32\)"):
        trunk(torch.zeros(3, 64, 32))


@pytest.mark.parametrize("ids", [[0], [0, 1, 1], [[0, 1]]])
def test_there_is_one_camera_for_each_image(ids):
    """A single id must not be spread over all images without a word."""
    trunk, _ = make_vit(SMALL, (64, 32), cameras=2)
    trunk.eval()  # no drop-path, which draws at random
    images = torch.zeros(2, 3, 64, 32)
    with pytest.raises(NetworkError, match="for 2 images"):
        trunk(images, torch.tensor(ids))
    assert torch.equal(trunk(images, [0, 1]), trunk(images, torch.tensor([0, 1])))


def test_positions_are_resized_by_plain_bilinear_interpolation():
    positions = torch.arange(394.0).reshape(1, 197, 2)
    resized = resize_positions(positions, (16, 8))
    assert resized.shape == (1, 129, 2)
    expected = {0: (0, 1), 1: (2.75, 3.75), 2: (6.25, 7.25), 128: (391.25, 392.25)}
    for place, values in expected.items():
        assert resized[0, place].tolist() == pytest.approx(values)


def test_positions_of_the_same_grid_stay_and_of_the_same_count_do_not():
    positions = torch.randn(1, 17, 2)
    assert resize_positions(positions, (4, 4)) is positions
    assert not torch.equal(resize_positions(positions, (8, 2)), positions)
    assert resize_positions(positions, (8, 2), source_grid=(8, 2)) is positions
    with pytest.raises(NetworkError, match="source_grid"):
        resize_positions(torch.zeros(1, 19, 2), (4, 4))


def test_first_token_alone_equals_the_whole_block():
    torch.manual_seed(1)
    block = new_blocks(SMALL, drop_path=0.0)[0]
    whole = torch.randn(2, 9, 32, requires_grad=True)
    alone = whole.detach().clone().requires_grad_()
    expected, found = block(whole)[:, 0], first_token_of(block, alone)
    torch.testing.assert_close(found, expected)
    expected.square().sum().backward()
    found.square().sum().backward()
    torch.testing.assert_close(alone.grad, whole.grad)


def test_drop_path_grows_linearly_over_the_blocks():
    blocks = new_blocks(ViTSize(width=8, depth=12, heads=1), drop_path=0.1)
    rates = [getattr(block.drop_path1, "drop_prob", 0.0) for block in blocks]
    assert rates == pytest.approx([0.1 * number / 11 for number in range(12)])


def test_blocks_are_those_of_the_published_network():
    block = new_blocks(ViTSize(width=192, depth=1, heads=3), drop_path=0.1)[0]
    assert block.norm1.eps == 1e-6
    assert block.attn.scale == 64**-0.5
    assert block.mlp.fc1.weight.shape == (4 * 192, 192)
    assert not block.attn.qkv.bias.any()
    assert block.attn.qkv.weight.std().item() == pytest.approx(0.02, rel=0.1)


# --- side information ---


def table(cameras, views, **settings):
    """Row i holds the number i; coefficient 1."""
    side = SideInformation(1, cameras, views, coefficient=1.0, **settings).eval()
    with torch.no_grad():
        side.table.copy_(torch.arange(float(len(side.table))).reshape(-1, 1, 1))
    return side


def rows(side, cameras, views=None):
    ids = [None if kind is None else torch.tensor(kind) for kind in (cameras, views)]
    return side(len(cameras or views), *ids).flatten().tolist()


def test_row_of_camera_and_view():
    side = table(20, 8)
    assert len(side.table) == 160
    assert rows(side, [5, 0, 19], [7, 0, 7]) == [47, 0, 159]


def test_row_of_the_only_kind():
    assert rows(table(6, 0), [5, 0]) == [5, 0]
    assert rows(table(0, 8), None, [7, 2]) == [7, 2]


def test_coefficient_scales_the_row():
    side = SideInformation(2, 3, 0).eval()
    found = side(1, torch.tensor([2]), None)
    torch.testing.assert_close(found, 3 * side.table[2:3])


@pytest.mark.parametrize("unknown", [-1, 6, 1000])
def test_unknown_camera_gets_the_mean_row(unknown):
    assert rows(table(6, 0), [unknown, 4]) == [2.5, 4]


def test_unknown_camera_of_a_known_view_gets_the_mean_of_that_view():
    side = table(2, 3)  # rows 0 1 2 / 3 4 5
    assert rows(side, [-1, 1, -1], [2, -1, -1]) == [3.5, 4, 2.5]
    assert side(2, None, None).flatten().tolist() == [2.5, 2.5]


def test_unknown_camera_may_get_nothing():
    assert rows(table(6, 0, unknown_camera="none"), [-1, 4]) == [0, 4]


def test_unknown_camera_may_be_refused():
    side = table(6, 0, unknown_camera="error")
    assert rows(side, [5]) == [5]
    with pytest.raises(NetworkError, match=r"0 to 5 and got \[6\]"):
        rows(side, [6, 2])
    with pytest.raises(NetworkError, match="got none"):
        side(1, None, None)


def test_training_without_cameras_is_refused():
    with pytest.raises(NetworkError, match="camera_ids"):
        table(6, 0).train()(1, None, None)
