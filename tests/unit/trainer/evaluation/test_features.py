"""Features files: what is written is what is read; what is wrong with one is said."""

import numpy as np
import pytest

from trainer.errors import TrainerError
from trainer.evaluation.features import KEYS, read_features, write_arrays, write_features


@pytest.fixture
def arrays(whole_numbers, tmp_path):
    """The arrays of a good file."""
    write_features(tmp_path / "good.npz", whole_numbers(0))
    with np.load(tmp_path / "good.npz") as file:
        return dict(file)


def test_a_file_has_exactly_the_keys_that_are_read(whole_numbers, tmp_path):
    features = whole_numbers(0)
    path = tmp_path / "features.npz"
    write_features(path, features)
    with np.load(path) as file:
        assert sorted(file.files) == sorted(KEYS)
    read = read_features(path)
    for one, other in ((read.query, features.query), (read.gallery, features.gallery)):
        assert one.vectors.dtype == np.float32
        np.testing.assert_array_equal(one.vectors, other.vectors)
        np.testing.assert_array_equal(one.labels.identities, other.labels.identities)
        np.testing.assert_array_equal(one.labels.cameras, other.labels.cameras)
    assert [file.name for file in tmp_path.iterdir()] == ["features.npz"]


def test_other_types_of_numbers_are_read_too(arrays, tmp_path):
    arrays["query_features"] = arrays["query_features"].astype(np.float16)
    arrays["query_ids"] = arrays["query_ids"].astype(np.uint8)
    write_arrays(tmp_path / "small.npz", arrays | {"note": np.array(1)})
    read = read_features(tmp_path / "small.npz")
    assert (read.query.vectors.dtype, read.query.labels.identities.dtype) == (np.float32, np.int64)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"query_ids": None}, "has no query_ids"),
        ({"query_ids": np.zeros(3, np.int64)}, "query_features, query_ids and query_cameras are"),
        ({"gallery_cameras": np.zeros(60)}, "gallery_features, gallery_ids and gallery_cameras"),
        ({"query_features": np.zeros(9, np.float32)}, "query_features, query_ids"),
        ({"gallery_features": np.zeros((60, 5), np.float32)}, "of length 4 and the gallery of 5"),
        ({"query_ids": np.array([None] * 9)}, "cannot be read"),  # would need pickle
    ],
)
def test_wrong_arrays(arrays, tmp_path, change, words):
    left = {key: value for key, value in (arrays | change).items() if value is not None}
    write_arrays(tmp_path / "bad.npz", left)
    with pytest.raises(TrainerError, match=words):
        read_features(tmp_path / "bad.npz")


@pytest.mark.parametrize("content", [b"", b"no file of NumPy's", b"PK\x03\x04 cut off"])
def test_other_files(tmp_path, content):
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    with pytest.raises(TrainerError, match="cannot be read"):
        read_features(path)
    with pytest.raises(TrainerError, match="cannot be read"):
        read_features(tmp_path / "nothing.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(TrainerError, match="cannot be read"):
        read_features(tmp_path / "one.npy")


def test_a_folder_that_is_not_there(whole_numbers, tmp_path):
    with pytest.raises(TrainerError, match="cannot be written"):
        write_features(tmp_path / "nowhere" / "features.npz", whole_numbers(0))


def test_known_people_are_those_of_the_queries(whole_numbers):
    features = whole_numbers(0)
    known = features.of_known_people()
    sought = set(features.query.labels.identities.tolist())
    assert set(known.labels.identities.tolist()) == sought
    kept = np.isin(features.gallery.labels.identities, [*sought]).sum()
    assert len(known.vectors) == len(known.labels.cameras) == 9 + kept


def test_junk_is_left_out(arrays, tmp_path):
    arrays["gallery_ids"][:7] = -1
    write_arrays(tmp_path / "junk.npz", arrays)
    read = read_features(tmp_path / "junk.npz")
    assert len(read.gallery.vectors) == len(arrays["gallery_ids"]) - 7
    assert -1 not in read.gallery.labels.identities
    np.testing.assert_array_equal(read.gallery.vectors, arrays["gallery_features"][7:])


def test_nobody_is_advised_to_run_the_code_in_a_foreign_file(tmp_path):
    (tmp_path / "text.npz").write_text("no file of NumPy's")
    with pytest.raises(TrainerError) as caught:
        read_features(tmp_path / "text.npz")
    assert "pickle" not in str(caught.value)
