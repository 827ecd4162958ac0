"""One recipe for each paper's training, by name; they know no engine."""

from trainer.config import TrainConfig
from trainer.errors import TrainerError
from trainer.recipe import DataFacts, Recipe
from trainer.recipes.cacenet import CACENetRecipe
from trainer.recipes.distill import DistillRecipe
from trainer.recipes.nformer import NFormerRecipe
from trainer.recipes.nformer_encoder import NFormerEncoderRecipe
from trainer.recipes.rrid import RRIDRecipe
from trainer.recipes.transreid import TransReIDRecipe
from trainer.recipes.xreid import XReIDRecipe

__all__ = ["RECIPES", "build_recipe"]

RECIPES: dict[str, type[Recipe]] = {
    "transreid": TransReIDRecipe,
    "xreid": XReIDRecipe,
    "nformer_encoder": NFormerEncoderRecipe,
    "nformer": NFormerRecipe,
    "rrid": RRIDRecipe,
    "cacenet": CACENetRecipe,
    "distill": DistillRecipe,
}


def build_recipe(config: TrainConfig, facts: DataFacts) -> Recipe:
    """The recipe of a configuration, with fresh weights.

    Raises:
        TrainerError: unknown name; settings that do not go together.
        NetworkError: a network that cannot be built like that, or a start that cannot be used.
    """
    if config.recipe not in RECIPES:
        raise TrainerError(
            f'There is no recipe "{config.recipe}".', f"Choose one of {', '.join(RECIPES)}."
        )
    return RECIPES[config.recipe](config, facts)
