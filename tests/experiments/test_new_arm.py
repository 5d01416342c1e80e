"""`make new-arm`: what it writes, what it refuses, and that everything else finds the arm."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.config import ConfigError
from experiments.new_arm import class_name, write_arm
from experiments.planning.sources import PACKAGES, ROOT
from experiments.planning.suite import load_suite

PAGE = ROOT / "docs" / "new-arm.md"
SUITE = Path("experiments") / "suites" / "architectures"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A project with the suites alone."""
    shutil.copytree(ROOT / SUITE, tmp_path / SUITE)
    (tmp_path / "models").mkdir()
    return tmp_path


def test_an_arm_is_one_file_and_one_yaml_a_suite(copied: Path) -> None:
    written = write_arm("x_shape", ["architectures"], copied)
    yaml = SUITE / "x_shape.yaml"
    assert [path.relative_to(copied) for path in written] == [Path("models/x_shape.py"), yaml]
    source = written[0].read_text()
    assert 'name: str = "x_shape"' in source
    assert "ARCHITECTURE = Architecture(XShapeConfig, XShapeModule)" in source
    suite = load_suite("architectures", copied / "experiments")
    assert suite.arms["x_shape"].layer.values == {"model": {"name": "x_shape"}}


def test_nothing_is_overwritten_and_nothing_is_half_written(copied: Path) -> None:
    with pytest.raises(ConfigError, match=r"shared\.yaml must be new"):
        write_arm("shared", ["architectures"], copied)
    assert not (copied / "models" / "shared.py").exists()
    write_arm("x_shape", [], copied)
    with pytest.raises(ConfigError, match=r"models/x_shape\.py must be new"):
        write_arm("x_shape", ["architectures"], copied)


@pytest.mark.parametrize("name", ["XShape", "x-shape", "2x", "class", "x__y", ""])
def test_a_name_that_cannot_be_a_modules_is_refused(copied: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="NAME must be lower_case words"):
        write_arm(name, [], copied)


def test_a_suite_that_does_not_compare_architectures_is_refused(copied: Path) -> None:
    with pytest.raises(ConfigError, match="suite must be one of architectures, got 'other'"):
        write_arm("x_shape", ["other"], copied)
    depths = copied / "experiments" / "suites" / "depths"
    depths.mkdir()
    about = {"question": "How deep?", "control": "even", "varies": ["model.fork_at"]}
    (depths / "base.yaml").write_text(json.dumps({"suite": about}))
    (depths / "even.yaml").write_text("model: {fork_at: 3}")
    (depths / "claims.yaml").write_text("claims: []")
    with pytest.raises(ConfigError, match="must vary model, got"):
        write_arm("x_shape", ["depths"], copied)


def test_a_files_name_becomes_a_classes() -> None:
    assert class_name("x_shape2") == "XShape2"


def run(folder: Path, *arguments: str) -> str:
    """What a command of the project in `folder` prints."""
    finished = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "GOLDEN": "rewrite", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.mark.slow
def test_laws_and_suites_find_a_generated_arm_and_the_pages_example_untouched(
    tmp_path: Path,
) -> None:
    """In a copy of the project, which is removed with the arms in it."""
    for package in (*PACKAGES, "tests"):
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in ("as_generated", "x_shape"):
        run(tmp_path, "experiments", "new-arm", name)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "models" / "x_shape.py").write_text(example)
    for name in ("as_generated", "x_shape"):
        told = run(tmp_path, "pytest", "-m", "not slow", "tests/models", "-k", name)
        assert int(re.findall(r"(\d+) passed", told)[0]) >= 5
        assert (tmp_path / "tests" / "models" / "golden" / f"{name}.txt").exists()
    told = run(tmp_path, "experiments", "plan", "--preset", "smoke")
    assert "as_generated, seed 0" in told
    assert "x_shape, seed 0" in told
