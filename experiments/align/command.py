"""`python -m experiments align NAME`: tunes a published unified model with the interaction loss."""

import argparse
from pathlib import Path

from experiments.config import ConfigError
from experiments.parallel.execution import over_processes, process_options
from experiments.scaling.hardware import Fleet, fleet_options


def options_of(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments align")
    parser.add_argument("name", help="a recipe, or list")
    parser.add_argument("--out", type=Path, help="the run's folder; model/ in it is the result")
    process_options(parser)
    parser.add_argument("--plan", action="store_true", help="print the cost, run nothing")
    fleet_options(parser, "64xh100")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args(arguments)
    if options.name != "list" and not options.plan and options.out is None:
        parser.error("--out must name the run's folder, got nothing")
    return options


def main(arguments: list[str]) -> int:
    options = options_of(arguments)
    from rich.console import Console

    from experiments.align.recipe import load_recipe, recipe_names

    console = Console()
    if options.name == "list":
        for name in recipe_names():
            config = load_recipe(name, [])
            console.print(f"{name}: {config.paper}\n  {config.about}", highlight=False)
        return 0
    config = load_recipe(options.name, options.overrides)
    if options.plan:
        from experiments.align.plan import print_plan

        print_plan(console, config, Fleet.of(options), options.strategy)
        return 0
    from experiments.align.fit import MODEL, tune

    execution = over_processes(options.processes, options.strategy)
    try:
        tune(config, options.out, execution)
    except (ValueError, OSError) as error:
        raise ConfigError(f"{options.name}: {error}") from error
    print(options.out / MODEL)
    return 0
