"""People to train on, and global generators that tests leave as they were."""

import pytest
import torch

from tests.tiny_recipe import write_people
from trainer.checkpoint import random_states, restore_random_states


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """A data root with the folder "people": 6 identities, 5 images each."""
    root = tmp_path_factory.mktemp("data")
    write_people(root)
    return root


@pytest.fixture(autouse=True)
def _generators():
    states = random_states(torch.device("cpu"))
    yield
    restore_random_states(states, torch.device("cpu"))
