import numpy as np
import pytest

from app.core.array_file import named, packed, those_of, unpacked


def test_arrays_come_back_with_shape_and_kind() -> None:
    arrays = {"a": np.arange(6, dtype=np.int32).reshape(2, 3), "b": np.zeros((0, 4), np.float32)}
    back = unpacked(packed(arrays))
    assert list(back) == ["a", "b"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype
    assert packed(arrays) == packed(arrays)


def test_names_can_have_a_prefix() -> None:
    arrays = named("one", {"a": np.ones(1)}) | named("one/two", {"a": np.zeros(1)})
    assert set(those_of("one", arrays)) == {"a", "two/a"}
    assert those_of("one/two", arrays)["a"].tolist() == [0]


@pytest.mark.parametrize("data", [b"", b"no archive", packed({"a": np.ones(99)})[:-30]])
def test_damage_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match="no packed arrays"):
        unpacked(data)
