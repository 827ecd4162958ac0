"""CACE-Net's losses, over its own ResNet and over the tokens of a frozen transformer."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import normalize

from reid_models.model_file import load_model, save_model
from tests.unit.trainer.recipes.tiny_recipes import (
    PROGRESS,
    assert_same_gradients,
    batch_of,
    cross_entropy,
    recipe_of,
    saved_embedder,
    total,
    triplet,
    triplet_of_matrix,
)
from trainer.errors import TrainerError

TOKENS = {"source": "tokens", "width": 16, "inner_channels": 8, "pooling": "average"}


def expected_loss(recipe, batch, rectified=False):
    """Eq. (8) and the triplets, pair by pair."""
    output = recipe.network(batch.images)
    individual, left, right = output.features
    labels, count = batch.identities, len(batch.identities)
    mixed = 0.0
    for pair in range(count**2):
        of_left, of_right = labels[pair % count], labels[pair // count]
        for logits, own, context in (
            (output.logits[1], of_left, of_right),
            (output.logits[2], of_right, of_left),
        ):
            log = logits[pair].log_softmax(dim=0)
            mixed = mixed - (0.9 * log[own] + 0.1 * log[context]) / count**2
    if rectified:
        individual, left, right = (each.clamp(min=0) for each in (individual, left, right))
    apart = (normalize(left, dim=1) - normalize(right, dim=1)).square().sum(1).clamp(min=1e-12)
    matrix = apart.sqrt().view(count, count)
    return (
        cross_entropy(output.logits[0], labels, 0.1)
        + mixed
        + triplet(normalize(individual, dim=1), labels, 0.5)
        + triplet_of_matrix(matrix, labels, 0.5)
    )


@pytest.mark.parametrize("rectified", [False, True])
def test_loss_and_gradients(rectified):
    loss = {"triplet_features": "pytorch" if rectified else "tensorflow"}
    recipe = recipe_of("cacenet", loss=loss)
    torch.nn.init.normal_(recipe.network.graph.output.weight, std=0.1)  # else it adds nothing
    batch = batch_of(recipe)
    found = total(recipe(batch, PROGRESS))
    assert_same_gradients(recipe, found, expected_loss(recipe, batch, rectified))


def test_the_papers_mixup_is_a_sum_over_pairs():
    code, paper = (recipe_of("cacenet", loss={"mixup_form": form}) for form in ("code", "paper"))
    batch = batch_of(code)
    torch.testing.assert_close(paper(batch, PROGRESS)["mixup"], 36 * code(batch, PROGRESS)["mixup"])


def test_scale_of_the_graph_is_detached():
    """Published: the degrees' square roots get no gradient, whatever the loss."""
    recipe = recipe_of("cacenet")
    graph = recipe.network.graph
    torch.nn.init.normal_(graph.output.weight, std=0.1)
    seen = []
    whole = graph._scale
    graph._scale = lambda degree: seen.append(whole(degree)) or seen[-1]
    total(recipe(batch_of(recipe), PROGRESS)).backward()
    assert seen and not any(each.requires_grad for each in seen)
    assert graph.clues.weight.grad.any()  # correspondence is learnt all the same


@pytest.fixture
def embedder(tmp_path):
    return saved_embedder(tmp_path / "vit.safetensors", cameras=2)


def test_tokens_of_a_frozen_transformer(embedder):
    start = {"embedder": str(embedder)}
    recipe = recipe_of("cacenet", model=TOKENS, start=start)
    assert recipe.network.takes_maps == (32, 4, 2)
    assert recipe.image_form().size_px == (64, 32)
    batch = batch_of(recipe)
    network, card = load_model(embedder)
    with torch.no_grad():  # cameras of other names are unknown to it
        maps = network.embed_with_map(batch.images, torch.full((6,), -1))[1]
    tokens = maps.flatten(2).mT
    expected = expected_loss(recipe, batch._replace(images=tokens))
    found = total(recipe(batch, PROGRESS))
    assert_same_gradients(recipe, found, expected)
    assert not any("embedder" in name for name in recipe.state_dict())
    assert recipe.card_facts("")["requires_embedder"] == card.id


def test_cameras_that_the_embedder_knows_are_told(embedder):
    network, card = load_model(embedder)
    save_model(embedder, network, replace(card, camera_table={"other": 0, "tiny/c1": 1}))
    recipe = recipe_of("cacenet", model=TOKENS, start={"embedder": str(embedder)})
    batch = batch_of(recipe)
    with torch.no_grad():
        expected = network.embed_with_map(batch.images, torch.tensor([1, -1] * 3))[1]
    found = recipe.embedder.maps(batch.images, batch.cameras)  # c1 is 1, c2 unknown
    torch.testing.assert_close(found, expected)


def test_tokens_and_embedder_go_together(embedder, tmp_path):
    for tables in ({"model": TOKENS}, {"start": {"embedder": str(embedder)}}):
        with pytest.raises(TrainerError, match="tokens of an embedder"):
            recipe_of("cacenet", **tables)
    flat = saved_embedder(tmp_path / "flat.safetensors", "nformer_encoder")
    with pytest.raises(TrainerError, match="shows no feature maps"):
        recipe_of("cacenet", model=TOKENS, start={"embedder": str(flat)})
