"""A step's code hash changes with what the step runs, and with nothing else."""

from pathlib import Path

import pytest

from experiments.planning.sources import Sources

FILES = {
    "models/__init__.py": "",
    "models/trunk.py": "from models import norm\ndef trunk():\n    return norm.norm()\n",
    "models/norm.py": "def norm():\n    return 1\n",
    "benchmarks/__init__.py": "",
    "benchmarks/dpg.py": "def score():\n    return 1\n",
    "benchmarks/geneval.py": "from .rules import right\ndef score():\n    return right()\n",
    "benchmarks/rules.py": "def right():\n    return True\n",
    "benchmarks/tags.json": "[]",
    "experiments/__init__.py": "",
    "experiments/scoring/evaluate.py": (
        "from benchmarks import dpg, geneval\n"
        "from models.trunk import trunk\n"
        "FOLDER = 'full'\n"
        "def read(folder):\n    return folder\n"
        "def score_dpg(config):\n    return dpg.score()\n"
        "def score_geneval(config):\n    return geneval.score(read(FOLDER))\n"
        "def generate(config):\n    return trunk()\n"
    ),
}
ENTRIES = ("score_dpg", "score_geneval", "generate")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def changed(tree: Path, file: str, old: str, new: str) -> set[str]:
    """The functions of evaluate.py whose hash differs after an edit."""

    def hashes() -> dict[str, str]:
        sources = Sources(tree)
        return {
            name: sources.entry_hash(f"experiments.scoring.evaluate:{name}") for name in ENTRIES
        }

    before, text = hashes(), (tree / file).read_text()
    assert old in text
    (tree / file).write_text(text.replace(old, new))
    after = hashes()
    return {name for name in ENTRIES if before[name] != after[name]}


@pytest.mark.parametrize(
    ("file", "old", "new", "touched"),
    [
        ("benchmarks/dpg.py", "return 1", "return 2", {"score_dpg"}),
        ("benchmarks/rules.py", "True", "False", {"score_geneval"}),
        ("models/norm.py", "return 1", "return 2", {"generate"}),
        ("benchmarks/tags.json", "[]", "[1]", {"score_dpg", "score_geneval"}),
        ("experiments/scoring/evaluate.py", "'full'", "'small'", {"score_geneval"}),
        ("experiments/scoring/evaluate.py", "return folder", "return 3", {"score_geneval"}),
        ("experiments/scoring/evaluate.py", "return trunk()", "return None", {"generate"}),
        ("models/norm.py", "    return 1", "    # one\n    return 1", set()),
        ("models/norm.py", "def norm():\n", 'def norm():\n    """One."""\n', set()),
    ],
)
def test_a_change_touches_the_steps_that_run_it_alone(
    tree: Path, file: str, old: str, new: str, touched: set[str]
) -> None:
    assert changed(tree, file, old, new) == touched


def test_a_step_whose_function_does_not_exist_is_named(tree: Path) -> None:
    with pytest.raises(ValueError, match=r"experiments\.scoring\.evaluate must define tune"):
        Sources(tree).entry_hash("experiments.scoring.evaluate:tune")


def test_any_file_changes_the_hash_that_a_cached_plan_depends_on(tree: Path) -> None:
    before = Sources(tree).everything_hash()
    (tree / "benchmarks" / "tags.json").write_text("[2]")
    assert Sources(tree).everything_hash() != before
