"""`python -m benchmarks exchange`: results and replies of other harnesses, in and out."""

from argparse import Namespace
from pathlib import Path

from benchmarks import exchange
from benchmarks.flags import Flag
from benchmarks.results import Results

REPLIES, RESULTS = "lmms-eval-replies", "lmms-eval-results"
TO_RESULTS, TO_ACCURACY, ACCURACY = "to-lmms-eval", "to-vqa-accuracy", "vqa-accuracy"
WHAT = {
    REPLIES: "a samples file -> official answers",
    RESULTS: "a results file -> a folder with results.json for each task",
    TO_RESULTS: "folders with results.json -> one results file",
    ACCURACY: "VQAv2's accuracy file -> a folder with results.json",
    TO_ACCURACY: "VQAv2's folder with results.json -> its accuracy file",
}


def arguments(verb: str) -> list[Flag]:
    """Return the flags of the command."""
    what = "; ".join(f"{name}: {text}" for name, text in WHAT.items())
    return [
        (("what",), {"choices": tuple(WHAT), "help": what}),
        (("files",), {"type": Path, "nargs": "+", "help": "what to read"}),
        (("--out",), {"type": Path, "required": True, "help": "file or folder to write"}),
        (("--key",), {"default": "question_id", "help": f"{REPLIES}: the id's name in answers"}),
        (("--field",), {"default": "answer", "help": f"{REPLIES}: the reply's name in answers"}),
        (
            ("--ids",),
            {"type": Path, "help": f"{REPLIES}: all ids of the data set, a line each, in order"},
        ),
        (("--label",), {"default": "val2014", "help": f"{ACCURACY}: the split"}),
    ]


def run_verb(verb: str, options: Namespace) -> None:
    """Read one form and write the other; ValueError for more files than the form takes."""
    if options.what != TO_RESULTS and len(options.files) > 1:
        raise ValueError(f"{options.what} must have one file to read, got {len(options.files)}.")
    {
        REPLIES: _replies,
        RESULTS: _results,
        TO_RESULTS: _to_results,
        ACCURACY: _accuracy,
        TO_ACCURACY: _to_accuracy,
    }[options.what](options, options.files[0])
    print(f"written: {options.out}")


def _replies(options: Namespace, path: Path) -> None:
    ids = options.ids.read_text().split() if options.ids else None
    replies = exchange.replies_by_id(exchange.read_samples(path), ids)
    exchange.write_answers(options.out, replies, options.key, options.field)


def _results(options: Namespace, path: Path) -> None:
    found = exchange.read_results(path)
    for task in found:
        if task in ("", ".", "..") or Path(task).name != task:
            raise ValueError(f"a task of {path} must be named as a folder can be, got {task!r}.")
    for task, results in found.items():
        results.write(options.out / task)


def _to_results(options: Namespace, path: Path) -> None:
    exchange.write_results(options.out, map(Results.read, options.files))


def _accuracy(options: Namespace, path: Path) -> None:
    exchange.read_vqa_accuracy(path, options.label).write(options.out)


def _to_accuracy(options: Namespace, path: Path) -> None:
    exchange.write_vqa_accuracy(options.out, Results.read(path))
