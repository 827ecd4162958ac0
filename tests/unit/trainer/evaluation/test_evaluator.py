"""Whole evaluations of a data set, and their picture."""

import numpy as np
import pytest
from PIL import Image

from trainer.data.samples import DataSet, Sample, Trial
from trainer.errors import TrainerError
from trainer.evaluation.evaluator import Methods, evaluate
from trainer.evaluation.hit_picture import RIGHT, WRONG, best_hits, chosen_queries, draw_hits
from trainer.evaluation.ranking import Labels, rank_queries
from trainer.metrics import mean_figures
from trainer.reranking import RerankSettings


class MeanColours:
    """A grid of mean colours as vector, of length 1."""

    id, dimension, known_cameras = "colours", 24, frozenset()

    def embed(self, images, cameras, views):
        cells = [image.reshape(4, 8, 2, 8, 3).mean(axis=(1, 3)).ravel() - 120 for image in images]
        found = np.array(cells, np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def samples(folder):
    return tuple(
        Sample(path, int(path.name[:4]), int(path.name[6]) - 1)
        for path in sorted(folder.glob("0*.jpg"))
    )


@pytest.fixture
def data_set(people):
    trial = Trial(samples(people / "query"), samples(people / "bounding_box_test"))
    return DataSet("people", (), (trial,), 3, 1, ("c1", "c2", "c3"), "")


def test_an_evaluation_tells_of_each_method(data_set):
    images, methods = [], Methods(rerank=RerankSettings(4, 2, 0.3), device="cpu")
    found = evaluate(MeanColours(), data_set, methods, images.append)
    assert sum(images) == 14
    assert [result.method for result in found.results] == [
        "embedder",
        "embedder + k-reciprocal 4,2,0.3",
    ]
    figures = found.results[0].figures()
    # Colours tell these people apart; query 4 has no match.
    assert (figures["queries"], figures["rank1"], figures["mAP"]) == (3, 1, 1)
    assert 0 < found.tightness["compactness"] < 0.2
    first, second = found.records(draws=50)
    assert first["data_set"] == second["data_set"] == "people"
    assert first["intervals"]["mAP"] == (1, 1)
    assert found.last.distances.rows(0, 4).shape == (4, 10)


def test_trials_are_averaged(data_set):
    """The second trial has its only query's person nowhere nearby: rank 3 of 4."""
    (whole,) = data_set.trials
    gallery = tuple(
        Sample(sample.path, identity, 2)
        for sample, identity in zip(whole.gallery[:4], (9, 9, 1, 9), strict=True)
    )
    odd = Trial(whole.query[:1], gallery)
    both = DataSet("both", (), (whole, odd), 3, 1, ("c1", "c2", "c3"), "")
    (result,) = evaluate(MeanColours(), both, Methods(device="cpu")).results
    figures = result.figures()
    assert [len(trial.queries) for trial in result.trials] == [3, 1]
    assert figures["mAP"] == pytest.approx((1 + result.trials[1].average_precision[0]) / 2)
    assert figures == {**mean_figures(result.trials), "queries": 4, "seconds": result.seconds}


def test_a_picture_shows_right_and_wrong_hits(data_set, tmp_path):
    last = evaluate(MeanColours(), data_set, Methods(device="cpu")).last
    draw_hits(last, tmp_path / "hits.png", queries=3, hits=5)
    with Image.open(tmp_path / "hits.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}
    assert {RIGHT, WRONG} <= colours
    with pytest.raises(TrainerError, match="cannot be written"):
        draw_hits(last, tmp_path / "hits.nothing")


def test_the_picture_leaves_out_what_the_protocol_does(data_set):
    last = evaluate(MeanColours(), data_set, Methods(device="cpu")).last
    hits = [last.trial.gallery[row] for row in best_hits(last, 0, 99)]
    assert len(hits) == 9  # without person 1 at camera 1
    assert [(hit.identity, hit.camera) for hit in hits[:2]] in (
        [(1, 1), (1, 2)],
        [(1, 2), (1, 1)],
    )


def test_queries_of_the_picture_go_from_worst_to_best(data_set):
    last = evaluate(MeanColours(), data_set, Methods(device="cpu")).last
    # Labels by which query 1 has a worse average precision than query 0.
    query = Labels(np.array([1, 3, 99, 98]), np.zeros(4, np.int64))
    gallery = Labels(last.features.gallery.labels.identities, np.ones(10, np.int64))
    scores = rank_queries(last.distances, query, gallery)
    assert scores.average_precision[0] > scores.average_precision[1]
    changed = type(last)(last.trial, last.features, last.distances, scores)
    assert chosen_queries(changed, 2) == [1, 0]
    assert chosen_queries(changed, 1) == [1]
