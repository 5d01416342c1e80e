"""What the commands of the understanding benchmarks share: their flags, and printing a result.

A model is named SCHEME:NAME, or handed over loaded.
"""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.flags import ALLOW_MISSING, OUT, SHARD, Flag
from benchmarks.judges.named import READING_JUDGE
from benchmarks.registry import open_model
from benchmarks.results import Results
from benchmarks.vqa.asking import Round


def path_flag(name: str, text: str, **settings: Any) -> Flag:
    """Return a flag that takes a path, required unless `settings` say otherwise."""
    return (name,), {"type": Path, "required": True, "help": text, **settings}


MODEL: Flag = (("--model",), {"required": True, "help": "the model to ask"})
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
    judge = [*READING_JUDGE, *judged] if judged else []
    known: Mapping[str, list[Flag]] = {
        "generate": [MODEL, *asked, OUT, ALLOW_MISSING, SHARD],
        "judge": [RECORDS, *judge, OUT, ALLOW_MISSING] if judged else [],
        "score": [RECORDS, *scored, OUT_OPTIONAL, ALLOW_MISSING],
        "run": [MODEL, *judge, *asked, *scored, OUT, ALLOW_MISSING, SHARD],
    }
    by_name = {flag[0]: flag for flag in reversed(known.get(verb, []))}
    return list(reversed(by_name.values()))


def round_of(options: Namespace, prompts: Path) -> Round:
    """Return the round of questions that the options ask for; ValueError for an unknown model."""
    given = options.model
    return Round(
        model=open_model(given) if isinstance(given, str) else given,
        prompts=prompts,
        out=options.out,
        allow_missing=options.allow_missing,
    )


def run_on_one_file(
    verb: str,
    options: Namespace,
    ask: Callable[[Round], Path],
    score: Callable[[Path, Path, bool], Results],
) -> None:
    """Ask, score, or both, where one file holds the questions and their answers."""
    if verb == "score":
        records, annotations = options.records, options.annotations
    else:
        annotations = options.questions
        records = ask(round_of(options, annotations))
    if verb != "generate":
        report(score(records, annotations, options.allow_missing), options.out)


def report(results: Results, out: Path | None) -> None:
    """Print the metrics, and write the result if there is a folder for it."""
    if out:
        results.write(out)
    print(results.table())
    if results.n_scored < results.n_expected:
        print(f"{results.n_expected - results.n_scored} of {results.n_expected} not scored")
