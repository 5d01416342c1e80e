"""`python -m benchmarks {generate,judge,score,run} dpg`."""

from argparse import Namespace
from pathlib import Path

from benchmarks import flags
from benchmarks.dpg.export import REQUESTS, export
from benchmarks.dpg.grids import CROPS
from benchmarks.dpg.scoring import MODES, Mode, score
from benchmarks.dpg.steps import generate, judge
from benchmarks.judges import QuestionJudge
from benchmarks.judges.named import ENDPOINT, LOCAL, checkpoint_of, open_judge
from benchmarks.judges.yes_or_no import NEW_TOKENS, AskedQuestions
from benchmarks.records import RECORDS
from benchmarks.registry import open_model
from benchmarks.results import Results
from benchmarks.verbs import Steps

QUESTIONS: flags.Flag = (
    ("--questions",),
    {"type": Path, "required": True, "help": "dpg_bench.csv"},
)
PROMPT_TEXTS: flags.Flag = (
    ("--prompts",),
    {"type": Path, "help": "folder of <item>.txt, or a JSON of them (default: the CSV's texts)"},
)
JUDGE: list[flags.Flag] = [
    (
        ("--judge",),
        {
            "help": f"{LOCAL}:FOLDER_OR_HUB_ID, or export: write {REQUESTS} to be answered "
            "elsewhere",
        },
    ),
    flags.DEVICE,
    *ENDPOINT,
]
MODE: flags.Flag = (
    ("--mode",),
    {"choices": MODES, "default": "fixed", "help": "whose score goes into results.json"},
)
EXPORT = "export"


def arguments(verb: str) -> list[flags.Flag]:
    """Return the flags of one step."""
    count = flags.images_per_prompt(1, CROPS)
    draws = [flags.MODEL, PROMPT_TEXTS, flags.AT_ONCE]
    shared = [QUESTIONS, count]
    judged = [*JUDGE, *shared, flags.ALLOW_MISSING, flags.SHARD]
    return {
        "generate": [*draws, *shared, flags.OUT, flags.SHARD],
        "judge": [flags.IMAGES, *judged, flags.OUT_OF_JUDGE],
        "score": [
            flags.RECORDS_FILE,
            flags.JUDGE_NAME,
            MODE,
            *shared,
            flags.ALLOW_MISSING,
            flags.OUT_OF_SCORE,
        ],
        "run": [*draws, *judged, MODE, flags.OUT],
    }[verb]


def run_verb(verb: str, options: Namespace) -> None:
    """Run one step, or all three under one folder."""
    if verb == "run" and options.judge == EXPORT:
        raise ValueError(
            "--judge of run must answer by itself, got export; use generate and judge."
        )
    Steps(_generate, _judge, _score).run(verb, options)


def _generate(options: Namespace, out: Path) -> None:
    count = options.images_per_prompt or CROPS
    model = open_model(options.model)
    generate(model, options.questions, out, count, options.prompts, options.at_once)


def _judge(options: Namespace, images: Path, out: Path | None) -> None:
    out = out or flags.records_folder(images)
    if options.judge == EXPORT:
        count, allow_missing = options.images_per_prompt, options.allow_missing
        written = export(images, options.questions, out, count, allow_missing)
        print(f"{written} questions to answer in {out / REQUESTS}; then score them as records")
        return
    judge(
        _open_judge(options, out),
        images,
        options.questions,
        out,
        options.allow_missing,
        options.images_per_prompt,
    )
    print(f"records in {out / RECORDS}")


def _open_judge(options: Namespace, out: Path) -> QuestionJudge:
    """Return the judge that the options name; ValueError unless it is one."""
    if options.judge and not options.judge_url:
        name = checkpoint_of(options.judge)
        from benchmarks.judges.vision_language import VisionLanguageJudge  # heavy: imports torch

        return VisionLanguageJudge(name, options.device)
    return AskedQuestions(open_judge(options, out, NEW_TOKENS), options.workers)


def _score(options: Namespace, given: Path) -> None:
    records = flags.records_file(given)
    out, count = options.out or records.parent, options.images_per_prompt
    judged_by = vars(options).get("judge_name")  # a run's own records say it themselves

    def scored(mode: Mode) -> Results:
        return score(records, options.questions, options.allow_missing, mode, judged_by, count)

    chosen: Mode = options.mode
    flags.report(scored(chosen), out)
    other: Mode = "official" if chosen == "fixed" else "fixed"
    try:
        print(f"beside it, mode {other}:\n{scored(other).table()}")
    except ValueError as error:
        print(f"beside it, mode {other}: no score, as {error}")
