"""A paragraph for a paper's methods section, filled from the run's own config and scores.

A sentence names full config keys in braces; one whose keys the run lacks is left out.
"""

import re
from collections.abc import Mapping
from typing import Any

from experiments.auditing.samples import SECOND_OPINION
from experiments.config import flatten
from experiments.evidence.claims_record import UNRECORDED
from experiments.evidence.collect import Gathered
from experiments.evidence.statistics import MINIMUM_SEEDS

MATCHED = {
    "none": "nothing",
    "active": "active parameters a task",
    "total": "total parameters",
    "flops": "training FLOPs",
}
CAPTIONS = "captions"
READERS = {
    "queries": "{model.queries} learnt queries behind them",
    "random_queries": "{model.queries} random queries behind them",
    "last_layer": "its last states",
}
"""What a bridge hands from its language model to its decoder."""
UNREAD_BY_STAGES = (
    "train.optimizer",
    "train.learning_rate",
    "train.muon_learning_rate",
    "train.weight_decay",
    "train.warmup_steps",
    "train.decay_share",
)
FIELD = re.compile(r"\{([\w.]+)\}")
SENTENCES = (
    "We compare {arms} in Forkroad's suite {suite} (preset {preset}, {seeds}); {control} is the "
    "control, the arms differ in {varies} alone, and sizes are matched by {match}.",
    "Images of {world.pixels} x {world.pixels} pixels show up to {world.max_objects} objects of "
    "{world.classes} classes in {world.colours} colours.",
    "A finite scalar quantiser with levels {tokenizer.levels} codes patches of {tokenizer.patch} x "
    "{tokenizer.patch} pixels after {tokenizer.steps} steps of {tokenizer.batch_size} images.",
    "A patch has {residual_depths} such codes, each of what the ones before it leave over.",
    "Images are coded by a pretrained tokenizer ({tokenizer.kind}, {tokenizer.path}).",
    "Images to be understood are seen by a second encoder, frozen ({second_encoder}).",
    "Of the prompts to draw by, a share of {pictured} hold pictures.",
    "The control is {token_model} of {model.trunk.depth} layers, {model.trunk.width} wide, with "
    "{model.trunk.heads} heads and a feed-forward of {model.trunk.feed_forward} ({parameters} M "
    "parameters with embeddings and heads).",
    "The control bridges a {language_model} causal decoder of {model.trunk.depth} layers, "
    "{model.trunk.width} wide, which reads the prompts, to a diffusion transformer of "
    "{decoder_depth} blocks by {reader} ({parameters} M parameters in all).",
    "Every arm starts from one text model a seed, trained for {stage0.steps} steps of "
    "{stage0.understand_batch} texts.",
    "Every arm starts from the published language model {published}, in whose tokens texts are "
    "written.",
    "The control is trained for {train.steps} steps of {sequences} sequences ({tokens} M tokens, "
    "those of what it starts from included) with the optimiser "
    "{train.optimizer} (learning rate {train.learning_rate}, of block matrices "
    "{train.muon_learning_rate}, weight decay {train.weight_decay}, {train.warmup_steps} steps of "
    "warm-up, linear decay over the last {train.decay_share} of training, gradients clipped at "
    "{train.clip_norm}) in {train.precision} precision.",
    "The control's stage is trained for {train.steps} steps of {sequences} sequences ({tokens} M "
    "tokens, those of what it starts from included) with AdamW (learning rates by name: {rates}; "
    "weight decay {stage.weight_decay}, {stage.schedule} schedule after a warm-up over the first "
    "{stage.warmup} of training, gradients clipped at {train.clip_norm}) in {train.precision} "
    "precision.",
    "Scored are the final exponential averages of the weights (horizon {train.ema_horizon} of "
    "training), without early stopping or choice of checkpoints; guidance and temperature are "
    "chosen for each arm from one grid, the least guidance within a standard error of the best, on "
    "prompts that no benchmark uses.",
    "Benchmarks: {benchmarks}.",
    "Intervals are 95%; the claims (SHA-256 {claims}) were recorded {recorded} and are tested by "
    "paired t tests over at least {minimum_seeds} seeds, with two one-sided tests for equivalence "
    "and Holm's correction within the suite.",
    "Commit {commits}.",
)


def methods(found: Gathered, config: Mapping[str, Any], recorded: str = UNRECORDED) -> str:
    """The paragraph; `config` is the control's, `recorded` says when the claims were."""
    values = facts(found, config) | {"recorded": recorded}
    return " ".join(text for one in SENTENCES if (text := filled(one, values)))


def filled(sentence: str, values: Mapping[str, str]) -> str:
    """The sentence with its fields, or nothing where the run lacks one."""
    if any(key not in values for key in FIELD.findall(sentence)):
        return ""
    return FIELD.sub(lambda found: values[found[1]], sentence)


def facts(found: Gathered, config: Mapping[str, Any]) -> dict[str, str]:
    """Every value of the config by full key, and what the run knows beside it; no empty ones."""
    plan, suite = found.plan, found.plan.suite
    seeds = plan.request.seeds
    values = {key: plain(value) for key, value in flatten(config)}
    published = values.get("language.checkpoint", "")
    if values.get("train.init") != "text" or published:
        values = {key: one for key, one in values.items() if not key.startswith("stage0.")}
    values |= coding(values) | control_model(values) | {"published": published} | staged(config)
    if values.get("conditioned.prompts", CAPTIONS) != CAPTIONS:
        values["pictured"] = values["conditioned.share"]
    values |= {
        "arms": listed(plan.arms),
        "suite": plan.request.suite,
        "preset": plan.request.preset,
        "seeds": f"{'seed' if len(seeds) == 1 else 'seeds'} {listed(list(map(str, seeds)))}",
        "control": suite["control"],
        "varies": listed(suite["varies"]),
        "match": MATCHED[suite["match"]],
        "claims": plan.claims_hash[:16],
        "minimum_seeds": str(MINIMUM_SEEDS),
        "benchmarks": benchmarks(found),
        "commits": listed(sorted({row.git_commit for row in found.rows if row.git_commit})),
    }
    summary = found.summaries.get((suite["control"], seeds[0]))
    if summary is not None:
        values["parameters"] = f"{summary['parameters']['total'] / 1e6:.2f}"
        values["tokens"] = f"{summary['tokens'] / 1e6:.1f}"
    return {key: value for key, value in values.items() if value}


def control_model(values: Mapping[str, str]) -> dict[str, str]:
    """What kind of model the control is, and what its steps see."""
    if values.get("model.name") == "frozen_bridge":
        return {
            "language_model": values["model.language_model"],
            "decoder_depth": values["model.decoder_depth"],
            "reader": filled(READERS[values["model.conditions"]], values),
            "sequences": f"{values['train.generate_batch']} generation",
        }
    tasks = {"understand": "understanding", "generate": "generation"}
    seen = [
        f"{values[f'train.{task}_batch']} {word}"
        for task, word in tasks.items()
        if float(values.get(f"train.{task}_weight", 0)) and int(values[f"train.{task}_batch"])
    ]
    return {"token_model": "a causal decoder", "sequences": listed(seen)}


def staged(config: Mapping[str, Any]) -> dict[str, str]:
    """The rates of a recipe's stage; fields are empty that its optimiser does not read."""
    stage = config.get("stage", {})
    rates = [
        f"{' '.join(group['match'])} at {stage['rate_scale'] * group['rate']:g}"
        for group in stage.get("groups", ())
    ]
    return {"rates": listed(rates), **dict.fromkeys(UNREAD_BY_STAGES, "")} if rates else {}


def coding(values: Mapping[str, str]) -> dict[str, str]:
    """What is said of the images' tokens: fields are empty that do not concern the tokenizer."""
    found = {}
    if values.get("tokenizer.path"):
        found["tokenizer.levels"] = ""
    if values.get("tokenizer.kind") == "residual":
        found["residual_depths"] = values["tokenizer.depths"]
    if (kind := values.get("encoder.kind", "none")) != "none":
        found["second_encoder"] = values["encoder.path"] or kind
    return found


def benchmarks(found: Gathered) -> str:
    """Each benchmark with its largest number of items and its judge."""
    largest: dict[str, tuple[int, str]] = {}
    for row in found.final:
        if row.benchmark != SECOND_OPINION and row.n > largest.get(row.benchmark, (0, ""))[0]:
            largest[row.benchmark] = (row.n, row.judge)
    return listed(
        [
            f"{name} ({n} items{f', judge {judge}' if judge else ''})"
            for name, (n, judge) in largest.items()
        ]
    )


def plain(value: Any) -> str:
    """A config value as prose has it."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def listed(names: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""
