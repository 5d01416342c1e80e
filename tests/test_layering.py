"""Which package may import which, by name or dynamically."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("models", "datamodules", "benchmarks", "experiments")
MAY_IMPORT = {
    "models": set(),
    "datamodules": set(),
    "benchmarks": {"datamodules"},
    "experiments": {"models", "datamodules", "benchmarks"},
}
DYNAMIC = {"import_module", "__import__", "run_module", "run_path", "spec_from_file_location"}
MAY_IMPORT_DYNAMICALLY = {
    "experiments/store/steps.py",
    "experiments/__main__.py",
    "benchmarks/registry.py",
    "models/architectures.py",
}
KNOWS_MLFLOW = {"experiments/tracking/mirror.py"}


def files() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported(tree: ast.AST) -> Iterator[str]:
    """The top-level packages that a file imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def dynamic_imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        if name in DYNAMIC:
            yield name


def named_packages(tree: ast.AST) -> set[str]:
    """Local packages that a string such as `"models.shared"` names: a dynamic import's word."""
    strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    heads = {one.partition(".") for one in strings if isinstance(one, str) and " " not in one}
    return {head for head, dot, rest in heads if head in PACKAGES and (dot and rest)}


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_imports_only_those_below_it(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    tree, package = ast.parse(path.read_text()), path.relative_to(ROOT).parts[0]
    local = set(imported(tree)) & set(PACKAGES) - {package}
    assert local <= MAY_IMPORT[package]
    assert named_packages(tree) - {package} <= MAY_IMPORT[package]
    if name not in MAY_IMPORT_DYNAMICALLY:
        assert not list(dynamic_imports(tree))
    if name not in KNOWS_MLFLOW:
        assert "mlflow" not in set(imported(tree))


@pytest.mark.parametrize(
    "text",
    ["import models", "from models.shared import Shared", "def f():\n    import models.blocks"],
)
def test_an_import_of_a_sibling_is_found_wherever_it_stands(text: str) -> None:
    assert "models" in set(imported(ast.parse(text)))


@pytest.mark.parametrize(
    "text", ["importlib.import_module('models')", "__import__('models')", "import_module(name)"]
)
def test_a_dynamic_import_is_found(text: str) -> None:
    assert list(dynamic_imports(ast.parse(text)))
