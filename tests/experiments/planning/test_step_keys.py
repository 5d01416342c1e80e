"""A change of one benchmark's code redoes that benchmark, in a copy of this very project."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from experiments.planning.graph import cell_steps
from experiments.planning.plan import Request
from experiments.planning.planner import Planner, Project
from experiments.planning.sources import DATA_SUFFIXES, PACKAGES, ROOT, Sources

TASKS = ("understand", "generate")
Changed = Callable[..., set[str]]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project."""
    tree = tmp_path_factory.mktemp("tree")
    for path in (one for package in PACKAGES for one in (ROOT / package).rglob("*")):
        if path.suffix == ".py" or path.suffix in DATA_SUFFIXES:
            copy = tree / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    return tree


@pytest.fixture(scope="module")
def changed(tree: Path) -> Changed:
    """Gives the steps whose key differs once a line is added to each of some files."""
    before = code_hashes(tree)

    def changed_by(*files: str) -> set[str]:
        with ExitStack() as edits:
            for file in files:
                edits.enter_context(one_line_more(tree / file))
            after = code_hashes(tree)
        return with_followers({name for name in before if before[name] != after[name]})

    return changed_by


@contextmanager
def one_line_more(path: Path) -> Iterator[None]:
    text = path.read_text()
    path.write_text(f"{text}\nONE_LINE_MORE = 1\n")
    yield
    path.write_text(text)


def code_hashes(tree: Path) -> dict[str, str]:
    sources = Sources(tree)
    return {name: sources.entry_hash(kind.entry) for name, kind in cell_steps(TASKS).items()}


def with_followers(steps: set[str]) -> set[str]:
    """The steps, and all that have one of them as an input: their keys cover their inputs'."""
    found = set(steps)
    for name, kind in cell_steps(TASKS).items():  # each follows its inputs
        if found & set(kind.inputs):
            found.add(name)
    return found


def steps_of(benchmark: str) -> set[str]:
    return {name for name in cell_steps(TASKS) if name.endswith(f"_{benchmark}")}


@pytest.mark.parametrize(
    ("benchmark", "module"), [("dpg", "scoring"), ("wise", "knowledge"), ("mjhq_fid", "folder")]
)
def test_a_benchmarks_code_redoes_its_own_steps_and_the_brackets_alone(
    changed: Changed, benchmark: str, module: str
) -> None:
    for file in (f"benchmarks/{benchmark}/{module}.py", f"benchmarks/prompts/{benchmark}.py"):
        found = changed(file)
        assert found - {"brackets"} <= steps_of(benchmark), file
        assert f"generate_{benchmark}" in found
        assert "brackets" in found


def test_the_code_of_vqa_redoes_vqa_and_what_else_asks_its_questions(changed: Changed) -> None:
    assert changed("benchmarks/vqa/exact_match.py") == steps_of("vqa") | {"curve", "brackets"}


def test_the_code_of_geneval_redoes_no_other_benchmarks_generation(changed: Changed) -> None:
    found = changed("benchmarks/geneval/scoring.py")
    assert {"score_geneval", "curve", "brackets"} <= found
    others = found - steps_of("geneval")
    assert "score_judges" in others
    assert not [
        name for name in others if name.startswith(("generate", "prompts", "train", "tune"))
    ]
    assert not {"judge_dpg", "judge_wise"} & others


def test_the_rules_of_geneval_redo_what_is_drawn_as_sampling_is_tuned_by_them(
    changed: Changed,
) -> None:
    found = changed("benchmarks/geneval_rules.py")
    assert {"tune", "generate_geneval", "score_geneval"} <= found
    assert not [name for name in found if name.startswith(("prompts", "train", "data", "stage0"))]


def test_the_command_line_and_judges_of_public_models_redo_nothing(changed: Changed) -> None:
    files = (
        "benchmarks/geneval/command.py",
        "benchmarks/wise/commands.py",
        "benchmarks/judges/chat.py",
        "benchmarks/judges/vision_language.py",
        "benchmarks/registry.py",
    )
    assert changed(*files) == set()


def test_the_code_of_the_report_redoes_nothing(changed: Changed) -> None:
    files = (
        "experiments/reporting/report.py",
        "experiments/evidence/collect.py",
        "experiments/tracking/mirror.py",
    )
    assert changed(*files) == set()


def test_the_file_of_an_architecture_redoes_its_own_arms_alone(
    tree: Path, changed: Changed
) -> None:
    before = training_steps(tree)
    for name in ("unifork", "task_moe", "frozen_bridge"):
        with one_line_more(tree / f"models/{name}.py"):
            after = training_steps(tree)
        assert {arm for arm in before if before[arm] != after[arm]} == {name}
    assert "train" in changed("models/shared.py")  # every arm starts as the control


def training_steps(tree: Path) -> dict[str, str]:
    """The step `train` of every arm of the suite `architectures`."""
    plan = Planner(Project(sources=Sources(tree)), Request("architectures", "smoke")).plan()
    return {cell.arm: cell.steps["train"] for cell in plan.cells}
