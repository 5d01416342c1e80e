"""`python -m experiments bridge RECIPE`: trains a bridge between published models, stage by stage.

    python -m experiments bridge mine.yaml --processes 8
    python -m experiments bridge metaquery "stages.pretrain.sources=[{form: mjhq, path: a.json}]"
    python -m experiments benchmarks run geneval --seeds running --model bridge:mine/instruct/bridge

A finished stage is skipped, an interrupted one goes on. With `--plan` nothing is trained.
"""

import argparse
from pathlib import Path

from experiments.config import ConfigError
from experiments.options import runs_option
from experiments.parallel.execution import over_processes, process_options
from experiments.scaling.hardware import Fleet, fleet_options

RECIPES = Path(__file__).parent / "recipes"


def recipe_path(name: str) -> Path:
    """The YAML of a path, or of a name that stands in `recipes`; ConfigError for neither."""
    known = {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}
    path = known.get(name, Path(name))
    if not path.is_file():
        raise ConfigError(f"RECIPE must be a YAML file or one of {', '.join(known)}, got {name!r}.")
    return path


def options_of(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments bridge")
    parser.add_argument("recipe", metavar="RECIPE", help="a YAML file, or the name of one of ours")
    runs_option(parser)
    process_options(parser)
    parser.add_argument("--plan", action="store_true", help="print the cost, train nothing")
    fleet_options(parser, "8xh100")
    parser.add_argument("--prompt-tokens", type=int, default=128, help="with --plan: of a prompt")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    return parser.parse_intermixed_args(arguments)


def main(arguments: list[str]) -> int:
    options = options_of(arguments)
    fleet = Fleet.of(options)
    path = recipe_path(options.recipe)
    from experiments.bridging.config import read_recipe  # heavy: imports torch

    recipe = read_recipe(path, options.overrides)
    if options.plan:
        from experiments.bridging.cost import print_cost

        print_cost(recipe, fleet, options.prompt_tokens, options.strategy)
        return 0
    from experiments.bridging.fit import SUMMARY, train_stage

    runs, execution = options.runs / path.stem, over_processes(options.processes, options.strategy)
    for stage in recipe.stages:
        try:
            train_stage(recipe, stage, runs, execution)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: {error}") from error
        print(f"{runs / stage}: {(runs / stage / SUMMARY).read_text().strip()}")
    return 0
