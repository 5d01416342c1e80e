"""The steps that score a cell: generate, judge and score of each benchmark.

Each benchmark's own code does the work (benchmarks/); here it meets our checkpoints. A step is a
function that names its benchmark's module and no other, so that its key covers no other's code.
"""

from pathlib import Path
from types import SimpleNamespace

from benchmarks import answer_then_draw, dpg, geneval, knowledge, mjhq_fid, second_opinion, wise
from benchmarks.judges.efficientnet import EfficientNetFeatures
from benchmarks.judges.world import WorldJudge
from benchmarks.protocol import Model
from benchmarks.records import RECORDS
from benchmarks.vqa import exact_match
from experiments.parallel.workers import shared_out
from experiments.scoring.judging import second_judge, world_judge
from experiments.scoring.model import TrainedModel
from experiments.scoring.prompt_folders import annotation_file, prompt_file
from experiments.scoring.tune import tuned_sampling

Inputs = dict[str, Path]


def trained(config: SimpleNamespace, inputs: Inputs) -> Model:
    """The cell's final weights, with the sampling settings that `tune` chose."""
    devices = config.execution.devices
    return shared_out(devices, TrainedModel.of_cell, config, inputs, tuned_sampling(inputs))


def first_judge(config: SimpleNamespace, inputs: Inputs) -> WorldJudge:
    """The judge that every score is by."""
    return shared_out(config.execution.devices, world_judge, config, inputs)


def generate_geneval(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    geneval.generate(trained(config, inputs), prompt_file(inputs, "geneval"), out)


def generate_dpg(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    dpg.generate(trained(config, inputs), prompt_file(inputs, "dpg"), out)


def generate_wise(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    wise.generate(trained(config, inputs), prompt_file(inputs, "wise"), out)


def generate_mjhq_fid(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    mjhq_fid.generate(trained(config, inputs), prompt_file(inputs, "mjhq_fid"), out)


def generate_vqa(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    exact_match.generate(trained(config, inputs), prompt_file(inputs, "vqa"), out)


def answer_wise(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Asks the cell for the facts that WISE's prompts allude to."""
    knowledge.ask(trained(config, inputs), prompt_file(inputs, "wise"), out)


def generate_answered_wise(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Draws WISE's facts once more, told the cell's own answers."""
    answers = inputs["answer_wise"] / RECORDS
    prompts = answer_then_draw.write_prompts(prompt_file(inputs, "wise"), answers, out)
    wise.generate(trained(config, inputs), prompts, out / "images")


def judge_geneval(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    images, prompts = inputs["generate_geneval"], prompt_file(inputs, "geneval")
    geneval.judge(first_judge(config, inputs), images, prompts, out)


def judge2_geneval(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Judges the same images once more, by the judge of another kind."""
    images, prompts = inputs["generate_geneval"], prompt_file(inputs, "geneval")
    judge = shared_out(config.execution.devices, second_judge, config)
    geneval.judge(judge, images, prompts, out)


def judge_dpg(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    images, prompts = inputs["generate_dpg"], prompt_file(inputs, "dpg")
    dpg.judge(first_judge(config, inputs), images, prompts, out)


def judge_wise(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    images, prompts = inputs["generate_wise"], prompt_file(inputs, "wise")
    wise.judge(first_judge(config, inputs), images, prompts, out)


def judge_answered_wise(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    told = inputs["generate_answered_wise"]
    prompts = told / answer_then_draw.PROMPTS
    wise.judge(first_judge(config, inputs), told / "images", prompts, out)


def judge_mjhq_fid(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    images, prompts = inputs["generate_mjhq_fid"], prompt_file(inputs, "mjhq_fid")
    judge = shared_out(config.execution.devices, EfficientNetFeatures)
    mjhq_fid.judge(judge, images, prompts, out)


def score_geneval(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    records = inputs["judge_geneval"] / RECORDS
    geneval.score(records, prompt_file(inputs, "geneval")).write(out)


def score_judges(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Compares both judges' verdicts on the cell's own GenEval images."""
    prompts = prompt_file(inputs, "geneval")
    first, second = (
        geneval.score(inputs[name] / RECORDS, prompts)
        for name in ("judge_geneval", "judge2_geneval")
    )
    second_opinion.score(first, second).write(out)


def score_dpg(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    dpg.score(inputs["judge_dpg"] / RECORDS, prompt_file(inputs, "dpg")).write(out)


def score_wise(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Joins drawings and answers where the cell can do both."""
    prompts = prompt_file(inputs, "wise")
    results = wise.score(inputs["judge_wise"] / RECORDS, prompts)
    if "answer_wise" in inputs:
        results = knowledge.with_answers(results, inputs["answer_wise"] / RECORDS, prompts)
        told = inputs["generate_answered_wise"] / answer_then_draw.PROMPTS
        drawn = wise.score(inputs["judge_answered_wise"] / RECORDS, told)
        results = answer_then_draw.with_bound(results, drawn)
    results.write(out)


def score_mjhq_fid(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    features = inputs["judge_mjhq_fid"] / mjhq_fid.FEATURES
    mjhq_fid.score(features, prompt_file(inputs, "mjhq_fid")).write(out)


def score_vqa(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    exact_match.score(inputs["generate_vqa"] / RECORDS, annotation_file(inputs)).write(out)
