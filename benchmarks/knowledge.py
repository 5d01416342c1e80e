"""Does what a model can tell reach what it draws? WISE's facts, asked as questions and drawn.

A prompt's `question` asks for the thing that the prompt alludes to, without an image. Drawing says
little where the fact is not even known: P(drawn | answered right) leaves that out.
"""

from dataclasses import replace
from pathlib import Path

from benchmarks.images import BATCH, batched
from benchmarks.protocol import Model, Request
from benchmarks.records import (
    RECORDS,
    index_by,
    read_json,
    read_lines,
    read_manifest,
    require_complete,
    write_generated,
    write_lines,
)
from benchmarks.results import Item, Metric, Results, estimate


def ask(model: Model, prompts_path: Path, out_dir: Path) -> None:
    """Ask the model the question behind each WISE prompt."""
    prompts = read_json(prompts_path)
    requests = [Request(prompt["question"], seed=number) for number, prompt in enumerate(prompts)]
    answers = [answer for some in batched(requests, BATCH) for answer in model.answer(some)]
    records = [
        {"prompt_id": prompt["prompt_id"], "answer": answer}
        for prompt, answer in zip(prompts, answers, strict=True)
    ]
    write_lines(out_dir / RECORDS, records)
    write_generated(out_dir, prompts_path, model.protocol, seeds="running number of the question")


def with_answers(drawn: Results, answers_path: Path, prompts_path: Path) -> Results:
    """Return WISE's results with how often the questions were answered right, and how often the
    thing was drawn where they were and where they were not, each also by column (tier).

    A share of no items at all is left out. MissingItemsError names an absent answer.
    """
    prompts = index_by(read_json(prompts_path), "prompt_id")
    read_manifest(answers_path.parent, prompts_path)
    answers = index_by(read_lines(answers_path, "prompt_id", "answer"), "prompt_id")
    require_complete("answers", prompts, answers, allow_missing=False)
    right = {
        str(name): answers[name]["answer"].strip() == prompt["target"]
        for name, prompt in prompts.items()
    }
    items = [
        replace(item, detail={**item.detail, "answered": right[item.name]}) for item in drawn.items
    ]
    metrics = {**drawn.metrics, **_shares(items, str(drawn.protocol["label"]))}
    return replace(drawn, metrics=metrics, items=items)


def _shares(items: list[Item], label: str) -> dict[str, Metric]:
    """Return the three shares over all items and over those of each column."""
    metrics: dict[str, Metric] = {}
    for column in [None, *dict.fromkeys(item.column for item in items if item.column)]:
        suffix = f".{column}@{label}" if column else f"@{label}"
        chosen = [item for item in items if column in (None, item.column)]
        answered = [replace(item, value=float(bool(item.detail["answered"]))) for item in chosen]
        metrics[f"wise.answered{suffix}"] = estimate(answered)
        for name, known in (("drawn_given_answered", True), ("drawn_given_unanswered", False)):
            if some := [item for item in chosen if item.detail["answered"] is known]:
                metrics[f"wise.{name}{suffix}"] = estimate(some)
    return metrics
