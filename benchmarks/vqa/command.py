"""What the commands of the understanding benchmarks share: their flags, and printing a result.

A model is named SCHEME:NAME, or handed over loaded.
"""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import Results
from benchmarks.vqa.asking import Round

Flag = tuple[tuple[str, ...], dict[str, Any]]


def path_flag(name: str, text: str, **settings: Any) -> Flag:
    """Return a flag that takes a path, required unless `settings` say otherwise."""
    return (name,), {"type": Path, "required": True, "help": text, **settings}


MODEL: Flag = (("--model",), {"required": True, "help": "the model to ask"})
JUDGE: list[Flag] = [
    (("--judge-url",), {"required": True, "help": "OpenAI-compatible endpoint, .../v1"}),
    (("--judge-model",), {"required": True, "help": "the judge's name there"}),
    (
        ("--judge-key-variable",),
        {"default": "OPENAI_API_KEY", "help": "environment variable that holds the key"},
    ),
]
MISSING: Flag = (
    ("--allow-missing",),
    {"action": "store_true", "help": "score what there is, and name what is missing"},
)
OUT = path_flag("--out", "folder to write")
OUT_OPTIONAL = path_flag("--out", "folder to write results.json into", required=False)
RECORDS = path_flag("--records", "answers in the official form")
QUESTIONS = path_flag("--questions", "the official questions")
QUESTIONS_OPTIONAL = path_flag("--questions", "the questions answered, to check", required=False)
ANNOTATIONS = path_flag("--annotations", "the official annotations")
IMAGES = path_flag("--images", "folder of the images")


def flags(
    verb: str,
    asked: Sequence[Flag],
    scored: Sequence[Flag],
    judged: Sequence[Flag] = (),
) -> list[Flag]:
    """Return the flags of a verb from what asking, judging and scoring need besides a model,
    answers and a folder; none for a verb that the benchmark has not.
    """
    known: Mapping[str, list[Flag]] = {
        "generate": [MODEL, *asked, OUT, MISSING],
        "judge": [*JUDGE, RECORDS, *judged, OUT, MISSING] if judged else [],
        "score": [RECORDS, *scored, OUT_OPTIONAL, MISSING],
        "run": [MODEL, *(JUDGE if judged else []), *asked, *judged, *scored, OUT, MISSING],
    }
    by_name = {flag[0]: flag for flag in reversed(known.get(verb, []))}
    return list(reversed(by_name.values()))


def round_of(options: Namespace, prompts: Path) -> Round:
    """Return the round of questions that the options ask for; ValueError for an unknown model."""
    model = options.model
    if isinstance(model, str):
        from benchmarks.registry import open_model  # pyright: ignore[reportMissingImports]

        model = open_model(model)
    return Round(
        model=model,
        prompts=prompts,
        out=options.out,
        allow_missing=options.allow_missing,
    )


def report(results: Results, out: Path | None) -> None:
    """Print the metrics, and write the result if there is a folder for it."""
    if out:
        results.write(out)
    for name, metric in results.metrics.items():
        known = metric.ci_low is not None and metric.ci_high is not None
        interval = f"  [{metric.ci_low:.4g}, {metric.ci_high:.4g}]" if known else ""
        print(f"{name:60} {metric.value:8.4g}{interval}  n={metric.n}")
    if results.n_scored < results.n_expected:
        print(f"{results.n_expected - results.n_scored} of {results.n_expected} not scored")
