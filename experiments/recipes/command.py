"""`python -m experiments recipe NAME`: trains the stages of a paper and scores the last one."""

import argparse
from dataclasses import replace

from rich.console import Console

from experiments import devices
from experiments.config import ConfigError
from experiments.executors.choice import executor_options, open_machines
from experiments.options import machine_options, runs_option
from experiments.planning.plan import Request, cell_config, check_counts, read_seeds
from experiments.planning.planner import Project, load_plan
from experiments.recipes.recipe import PAPERS, PREFIX, PUBLISHED, load, load_recipe, recipe_names
from experiments.recipes.show import print_recipe
from experiments.running.ablate import Ablation
from experiments.running.progress import print_plan
from experiments.scaling.hardware import Fleet, fleet_options
from experiments.store.steps import Store


def options_of(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments recipe")
    parser.add_argument("name", help="a recipe, or list")
    parser.add_argument("--preset", default="smoke", help=f"a suite's, or {PUBLISHED} (to plan)")
    parser.add_argument("--seeds", default="0", help="comma-separated, such as 0,1,2")
    parser.add_argument("--plan", action="store_true", help="print stages and cost, run nothing")
    fleet_options(parser)
    machine_options(parser)
    runs_option(parser)
    executor_options(parser)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    return parser.parse_intermixed_args(arguments)


def request(options: argparse.Namespace) -> Request:
    """The last stage with each seed; its predecessors come with it."""
    check_counts(jobs=options.jobs)
    return Request(
        suite=PREFIX + options.name,
        preset=options.preset,
        seeds=read_seeds(options.seeds),
        arms=(load_recipe(options.name).last,),
        overrides=tuple(options.overrides),
        device=devices.chosen(options.device),
    )


def main(arguments: list[str]) -> int:
    options, console = options_of(arguments), Console()
    if options.name == "list":
        for name in recipe_names():
            recipe = load_recipe(name)
            console.print(f"{name}: {recipe.paper}\n  stages: {', '.join(recipe.stages)}")
        return 0
    asked, project = request(options), Project(root=PAPERS, load=load)
    if options.plan:
        return plan(project, asked, options, console)
    if options.preset == PUBLISHED:
        raise ConfigError(f"--preset {PUBLISHED} must go with --plan, got a run.")
    machines = open_machines(options.executor, options.tracking)
    return Ablation(project, asked, options.runs, console).run(options.jobs, machines=machines)


def plan(project: Project, asked: Request, options: argparse.Namespace, console: Console) -> int:
    """Prints stages and what is left to do; with --devices, hours and memory there."""
    recipe = load_recipe(options.name)
    fleet = Fleet.of(options) if options.devices else None
    built, _ = load_plan(project, asked, options.runs)
    trained = [cell_config(built, step) for step in built.steps.values() if step.name == "train"]
    named = {config.stage.name: config for config in trained}
    print_recipe(console, recipe, {stage: named[stage] for stage in recipe.stages})
    if options.preset != PUBLISHED:
        print_plan(console, built, Store(options.runs), options.jobs)
    if fleet is not None:
        from experiments.scaling.tables import print_scaling  # it imports torch

        every = replace(asked, arms=tuple(recipe.stages))
        print_scaling(console, load_plan(project, every, options.runs)[0], fleet)
    return 0
