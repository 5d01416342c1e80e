"""`python -m experiments <command>`: each command imports what it needs, `--help` nothing heavy."""

import argparse
import hashlib
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from experiments import devices
from experiments.config import ConfigError
from experiments.executors.choice import executor_options, open_machines
from experiments.options import machine_options, runs_option
from experiments.planning.plan import Request, check_counts, read_seeds
from experiments.planning.planner import Project
from experiments.planning.sources import ROOT
from experiments.scaling.hardware import Fleet, fleet_options
from experiments.store.steps import StepError

FAILED = 2


def request_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--suite", default="architectures")
    parser.add_argument("--preset", default="cpu")
    parser.add_argument("--seeds", default="0", help="comma-separated, such as 0,1,2")
    parser.add_argument("--arms", default="", help="comma-separated; all arms by default")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    machine_options(parser)
    runs_option(parser)
    parser.add_argument("--geneval", type=Path, help="GenEval's evaluation_metadata.jsonl")
    parser.add_argument("overrides", nargs="*", metavar="key=value")


def request(options: argparse.Namespace) -> Request:
    seeds = read_seeds(options.seeds)
    check_counts(jobs=options.jobs, threads=options.threads)
    return Request(
        suite=options.suite,
        preset=options.preset,
        seeds=seeds,
        arms=tuple(dict.fromkeys(arm for arm in options.arms.split(",") if arm)),
        overrides=(*official_prompts(options.geneval), *options.overrides),
        threads=options.threads,
        device=devices.chosen(options.device),
    )


def official_prompts(path: Path | None) -> tuple[str, ...]:
    """The overrides that add GenEval's own prompts; what they are is part of the steps' keys."""
    if path is None:
        return ()
    if not path.is_file():
        raise ConfigError(f"--geneval must be GenEval's evaluation_metadata.jsonl, got {path}.")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    place = os.path.relpath(path, ROOT)
    return f"benchmark.official_prompts={place}", f"benchmark.official_sha256={digest}"


def parsed(
    command: str, arguments: list[str], *more: Callable[[argparse.ArgumentParser], None]
) -> argparse.Namespace:
    """The options of a request, and what `more` adds to them; overrides may stand anywhere."""
    parser = argparse.ArgumentParser(prog=f"python -m experiments {command}")
    for options in (request_options, *more):
        options(parser)
    return parser.parse_intermixed_args(arguments)


def ablate(arguments: list[str]) -> int:
    """train, score and report every arm of a suite"""
    options = parsed("ablate", arguments, executor_options)
    asked = request(options)
    machines = open_machines(options.executor, options.tracking)
    from rich.console import Console

    from experiments.running.ablate import Ablation

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a plain kill ends as Ctrl-C does
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return Ablation(Project(), asked, options.runs, Console()).run(options.jobs, machines=machines)


def plan(arguments: list[str]) -> int:
    """print cells, minutes and disk; with --devices, memory and hours there"""
    options = parsed("plan", arguments, fleet_options)
    asked = request(options)
    fleet = Fleet.of(options) if options.devices else None
    from rich.console import Console

    from experiments.planning.planner import load_plan
    from experiments.running.progress import print_plan
    from experiments.store.steps import Store, explained_disk_errors

    with explained_disk_errors(options.runs):
        built, _ = load_plan(Project(), asked, options.runs)
    print_plan(Console(), built, Store(options.runs), options.jobs)
    if fleet is not None:
        from experiments.scaling.tables import print_scaling

        print_scaling(Console(), built, fleet)
    return 0


def leaderboard(arguments: list[str]) -> int:
    """write the leaderboard and report again from what is finished"""
    options = parsed("leaderboard", arguments)
    asked = request(options)
    from rich.console import Console

    from experiments.running.ablate import Ablation

    ablation = Ablation(Project(), asked, options.runs, Console())
    ablation.write_outputs({})
    ablation.print_results()
    return 0


def listing(arguments: list[str]) -> int:
    """list suites, arms and presets"""
    argparse.ArgumentParser(prog="python -m experiments list").parse_args(arguments)
    from experiments.planning.suite import EXPERIMENTS, load_preset, load_suite

    for folder in sorted((EXPERIMENTS / "suites").glob("[a-z]*")):
        suite = load_suite(folder.name)
        print(f"suite {suite.name}: {suite.config.question}\n  arms: {', '.join(suite.arms)}")
    for path in sorted((EXPERIMENTS / "presets").glob("*.yaml")):
        preset = load_preset(path.stem)
        stamp = f" ({preset.stamp})" if preset.stamp else ""
        print(f"preset {preset.name}: {preset.about}{stamp}")
    return 0


def elsewhere(module: str, summary: str) -> Callable[[list[str]], int]:
    """A command that is the `main(arguments)` of a module."""

    def command(arguments: list[str]) -> int:
        from importlib import import_module

        return import_module(module).main(arguments)

    command.__doc__ = summary
    return command


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "ablate": ablate,
    "plan": plan,
    "list": listing,
    "leaderboard": leaderboard,
    "report": elsewhere("experiments.reporting.results", "show a run's table and report"),
    "readme-table": elsewhere(
        "experiments.reporting.readme", "write the README's table from the reference"
    ),
    "recipe": elsewhere("experiments.recipes.command", "train a paper's stages and score the last"),
    "export": elsewhere("experiments.reporting.export", "copy a run's small records into results/"),
    "dashboard": elsewhere("experiments.tracking.dashboard", "MLflow on 127.0.0.1"),
    "decide": elsewhere("experiments.campaigns.decide", "add seeds to a claim until its verdict"),
    "ladder": elsewhere(
        "experiments.campaigns.ladder", "repeat a claim over widths and token budgets"
    ),
    "claims-page": elsewhere(
        "experiments.reporting.claims_page", "write docs/claims.md from results/"
    ),
    "audit": elsewhere("experiments.auditing.audit", "judge blind samples of every arm yourself"),
    "new-arm": elsewhere("experiments.new_arm", "start an architecture: its file and its YAML"),
    "calibrate": elsewhere(
        "experiments.campaigns.calibrate", "choose world and base from the controls"
    ),
    "align": elsewhere(
        "experiments.align.command", "tune a published model with the interaction loss"
    ),
    "perf": elsewhere("experiments.perf.training", "measure training and sampling"),
    "perf-interaction": elsewhere("experiments.perf.interaction", "measure the interaction loss"),
    "perf-frozen": elsewhere("experiments.perf.frozen", "measure queries behind a frozen prompt"),
    "perf-scoring": elsewhere("experiments.perf.scoring", "measure scoring at published sizes"),
    "benchmark": elsewhere(
        "experiments.sharing.benchmark_command", "a cell's checkpoint on a prompts file"
    ),
    "probe": elsewhere("experiments.probing.command", "look into the trained cells of a run"),
    "benchmarks": elsewhere(
        "experiments.sharing.benchmarks_command", "python -m benchmarks, on exported arms as well"
    ),
    "export-model": elsewhere("experiments.sharing.export_model", "an arm as a folder of its own"),
    "bridge": elsewhere("experiments.bridging.command", "train a bridge of published models"),
    "demo": elsewhere("experiments.sharing.demo", "compare two arms of a run on a page"),
    "cell": elsewhere("experiments.executors.units", "run a unit of a plan (the runner calls it)"),
    "mirror": elsewhere(
        "experiments.tracking.mirror", "mirror a plan into MLflow (the runner calls it)"
    ),
}


def main(arguments: list[str]) -> int:
    names = "\n".join(f"  {name:17}{one.__doc__}" for name, one in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"commands:\n{names}",
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command")
    options = parser.parse_args(arguments[:1])
    try:
        code = COMMANDS[options.command](arguments[1:])
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        if not output_is_closed():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ConfigError, StepError) as error:
        print(error, file=sys.stderr)
        return FAILED


def output_is_closed() -> bool:
    """Whether who reads the output has seen enough, as `head` has."""
    output = select.poll()
    output.register(sys.stdout, 0)
    return any(event & select.POLLERR for _, event in output.poll(0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
