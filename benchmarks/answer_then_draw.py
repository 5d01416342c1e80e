"""An upper bound for drawing what one knows: the model's own answer is put into WISE's prompt.

    "a photo of the animal that gives milk" ── "what is the animal that gives milk ?" ── "cow"
                                               "a photo of a cow" ──▶ drawn or not

What is lost on the way from an answer to a drawing is the distance to this bound; what is still
lost here is ignorance, or drawing itself.
"""

from dataclasses import replace
from pathlib import Path

from benchmarks.records import index_by, read_json, read_lines, require_complete, write_json
from benchmarks.results import Metric, Results, estimate
from datamodules.world.language import noun_phrase
from datamodules.world.wishes import OPENING

PROMPTS = "prompts.json"


def write_prompts(prompts_path: Path, answers_path: Path, folder: Path) -> Path:
    """Write WISE's records into `folder` with what was answered as their prompts.

    An answer that names no target of any record leaves its prompt as it is. MissingItemsError names
    an absent answer.
    """
    prompts = read_json(prompts_path)
    answers = index_by(read_lines(answers_path, "prompt_id", "answer"), "prompt_id")
    require_complete("answers", index_by(prompts, "prompt_id"), answers, allow_missing=False)
    names = {record["target"] for record in prompts}
    records = []
    for record in prompts:
        answer = answers[record["prompt_id"]]["answer"].strip()
        told = OPENING.format(noun_phrase(answer)) if answer in names else record["Prompt"]
        records.append({**record, "Prompt": told})
    write_json(folder / PROMPTS, records)
    return folder / PROMPTS


def with_bound(results: Results, told: Results) -> Results:
    """Return WISE's results with the share drawn when `told` the own answer, also by tier."""
    label = str(results.protocol["label"])
    metrics: dict[str, Metric] = {}
    for column in [None, *dict.fromkeys(item.column for item in told.items if item.column)]:
        chosen = [item for item in told.items if column in (None, item.column)]
        suffix = f".{column}@{label}" if column else f"@{label}"
        metrics[f"wise.drawn_when_told{suffix}"] = estimate(chosen)
    return replace(results, metrics={**results.metrics, **metrics})
