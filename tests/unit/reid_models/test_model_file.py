"""One file for weights and card: exact round trip, and every fault named."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from reid_models.errors import NetworkError
from reid_models.model_card import CARD_KEY, ModelCard, read_card, read_metadata
from reid_models.model_file import load_model, save_model
from tests.tiny_torch_networks import tiny_aggregator, tiny_embedder, tiny_pair

pytestmark = pytest.mark.usefixtures("tiny_entries")


def saved(folder, name="net.safetensors", half=False, **facts):
    network = tiny_embedder(cameras=2)
    path = folder / name
    return network, path, save_model(path, network, ModelCard.of(network, **facts), half=half)


def rewritten(path, card=None, weights=None):
    """The same file with another card or other weights."""
    kept = {CARD_KEY: read_metadata(path)[CARD_KEY]}
    content = load_file(path)
    if card is not None:
        values = json.loads(kept[CARD_KEY])
        card(values)
        kept[CARD_KEY] = json.dumps(values)
    if weights is not None:
        weights(content)
        values = json.loads(kept[CARD_KEY])
        from reid_models.model_file import _digest

        values["sha256"] = _digest(content)
        kept[CARD_KEY] = json.dumps(values)
    save_file(content, path, kept)


def refusal(path, **options):
    with pytest.raises(NetworkError) as caught:
        load_model(path, **options)
    assert caught.value.message.endswith(".")
    assert caught.value.remedy.endswith(".")
    return str(caught.value)


def test_a_network_comes_back_exactly(tmp_path):
    facts = {
        "camera_table": {"c1": 0, "gate": 1},
        "trained_on": ("market1501",),
        "terms": "for research only",
        "metrics": {"market1501 mAP": 0.881, "epochs": 3},
    }
    network, path, card = saved(tmp_path, **facts)
    before = torch.get_rng_state()
    again, read = load_model(path)
    assert torch.equal(before, torch.get_rng_state())
    assert read == card == read_card(path)
    assert (read.camera_table, read.terms) == (facts["camera_table"], facts["terms"])
    assert (read.embedding_dim, read.input_size_px) == (8, (32, 16))
    assert not again.training
    assert again.config == network.config
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    images = torch.randn(3, 3, 32, 16)
    assert torch.equal(network.embed(images), again.embed(images))


def test_equal_networks_are_equal_files(tmp_path):
    _, path, card = saved(tmp_path, trained_on=("market1501",))
    for number in range(8):
        again = tmp_path / f"{number}.safetensors"
        assert save_model(again, *load_model(path)) == card
        assert again.read_bytes() == path.read_bytes()


def test_files_with_more_keys_in_their_header_open_as_ever(tmp_path):
    """Those of earlier versions, which also said that the tensors are torch's."""
    _, path, card = saved(tmp_path)
    old = tmp_path / "old.safetensors"
    save_file(load_file(path), old, {"format": "pt", CARD_KEY: card.to_json()})
    assert load_model(old)[1] == card and read_card(old).id == card.id


def test_half_files_are_smaller_and_come_back_as_float32(tmp_path):
    network, path, card = saved(tmp_path, half=True)
    assert load_file(path)["linear.weight"].dtype == torch.float16
    assert load_file(path)["norm.running_var"].dtype == torch.float32
    again, _ = load_model(path)
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    for name, tensor in again.named_parameters():
        torch.testing.assert_close(tensor, network.get_parameter(name), rtol=1e-3, atol=1e-6)
    assert card.sha256 != saved(tmp_path, "full.safetensors")[2].sha256


def test_half_refuses_what_float16_does_not_hold(tmp_path):
    network = tiny_embedder()
    with torch.no_grad():
        network.linear.weight[0, 0] = 1e6
    with pytest.raises(NetworkError, match=r"linear\.weight"):
        save_model(tmp_path / "net.safetensors", network, ModelCard.of(network), half=True)
    assert list(tmp_path.iterdir()) == []


def test_other_roles_have_cards_without_what_they_lack(tmp_path):
    for network in (tiny_aggregator(), tiny_pair()):
        path = tmp_path / f"{network.role}.safetensors"
        save_model(path, network, ModelCard.of(network, requires_embedder="tiny-0123"))
        again, card = load_model(path, role=network.role)
        assert type(again) is type(network)
        assert card.requires_embedder == "tiny-0123"
    assert read_card(tmp_path / "aggregator.safetensors").input_size_px is None
    assert read_card(tmp_path / "reranker.safetensors").embedding_dim is None


def test_the_id_changes_with_what_changes_vectors_only(tmp_path):
    _, _, card = saved(tmp_path, camera_table={"c1": 0, "c2": 1})
    same = saved(tmp_path, camera_table={"c1": 0, "c2": 1}, metrics={"mAP": 0.5})[2]
    assert card.id == same.id
    assert card.id.startswith("tiny-")
    assert saved(tmp_path, camera_table={"c2": 0, "c1": 1})[2].id != card.id
    assert saved(tmp_path, half=True, camera_table={"c1": 0, "c2": 1})[2].id != card.id


def test_a_model_file_may_be_read_by_whoever_may_read_other_new_files(tmp_path):
    _, path, _ = saved(tmp_path)
    other = tmp_path / "other"
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path):
    _, path, _ = saved(tmp_path)
    whole = path.read_bytes()
    cut = tmp_path / "cut.safetensors"
    for length in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:length])
        assert "cut off" in refusal(cut)


def test_a_changed_weight_is_noticed(tmp_path):
    _, path, _ = saved(tmp_path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    assert "not those that were saved" in refusal(path)


def test_other_files_are_refused_unread(tmp_path):
    pickled = tmp_path / "net.pth"
    torch.save(tiny_embedder(), pickled)
    assert "no safetensors file" in refusal(pickled)
    assert "trainer convert" in refusal(pickled)
    assert "cannot be read" in refusal(tmp_path / "nothing.safetensors")
    assert "cannot be read" in refusal(tmp_path)
    save_file({"w": torch.ones(2)}, tmp_path / "bare.safetensors")
    assert "no card" in refusal(tmp_path / "bare.safetensors")


def test_a_wrong_role_is_refused(tmp_path):
    _, path, _ = saved(tmp_path)
    assert load_model(path, role="embedder")[1].role == "embedder"
    assert "has the role embedder (tiny), not aggregator" in refusal(path, role="aggregator")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("format_version", 2, "version 2"),
        ("format_version", None, "version None"),
        ("architecture", "osnet", 'no network "osnet"'),
        ("role", "aggregator", "says that tiny has the role aggregator"),
        ("role", "oracle", '"role"'),
        ("colour", "RGB", 'unknown key "colour"'),
        ("config", {"depth": 3}, '"depth" is no setting of tiny'),
        ("config", {"width": "wide"}, '"width"'),
        ("config", [], '"config"'),
        ("embedding_dim", 9, "says embedding_dim = 9"),
        ("input_size_px", [16, 16], "says input_size_px"),
        ("std", [1.0, 1.0, 0.0], "not above 0"),
        ("mean", [0.5], '"mean'),
        ("camera_table", {"c1": 0, "c2": 2}, "ids are not 0, 1, 2"),
        ("camera_table", {"c1": 0, "c2": 1, "c3": 2}, "names 3 cameras, but its network knows 2"),
    ],
)
def test_a_faulty_card_is_named(tmp_path, key, value, expected):
    _, path, _ = saved(tmp_path)
    rewritten(path, card=lambda card: card.update({key: value}))
    assert expected in refusal(path)


def test_a_card_that_is_no_json_is_named(tmp_path):
    _, path, _ = saved(tmp_path)
    for text in ("{", "[]", "7"):
        save_file(load_file(path), path, {CARD_KEY: text})
        assert "is not a JSON object" in refusal(path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda w: w.pop("linear.bias"), 'misses "linear.bias"'),
        (lambda w: w.update(extra=torch.ones(1)), 'beyond its network, "extra"'),
        (lambda w: w.update({"linear.bias": torch.ones(9)}), r"shape (9,) instead of (8,)"),
        (lambda w: w.update({"linear.bias": torch.ones(8, dtype=torch.int64)}), "torch.int64"),
        (lambda w: w["linear.weight"].view(-1)[3:4].fill_(float("nan")), "NaN or infinite"),
        (lambda w: w["norm.running_var"][:1].fill_(float("inf")), "NaN or infinite"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path, change, expected):
    _, path, _ = saved(tmp_path)
    rewritten(path, weights=change)
    assert expected in refusal(path)


def test_weights_that_are_nan_are_not_saved(tmp_path):
    network = tiny_embedder()
    network.norm.running_mean[0] = float("nan")
    with pytest.raises(NetworkError, match=r"norm\.running_mean"):
        save_model(tmp_path / "net.safetensors", network, ModelCard.of(network))
    assert list(tmp_path.iterdir()) == []


def test_a_card_of_another_network_is_not_saved(tmp_path):
    card = ModelCard.of(tiny_embedder(width=5))
    with pytest.raises(NetworkError, match="not of this network"):
        save_model(tmp_path / "net.safetensors", tiny_embedder(), card)


def test_where_nothing_can_be_written_the_path_is_named(tmp_path):
    network = tiny_embedder()
    with pytest.raises(NetworkError, match="nowhere"):
        save_model(tmp_path / "nowhere" / "net.safetensors", network, ModelCard.of(network))
    path = tmp_path / "folder.safetensors"
    path.mkdir()
    with pytest.raises(NetworkError, match="cannot be written"):
        save_model(path, network, ModelCard.of(network))
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_that_is_not_there_is_named(tmp_path):
    _, path, _ = saved(tmp_path)
    assert 'no device "cuda:77"' in refusal(path, device="cuda:77")
