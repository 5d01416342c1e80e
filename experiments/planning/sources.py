"""Which source code a step runs, and its hash, so that a code change redoes what it touches.

A step names a function. Its code is that function, the definitions of its own module that it
reaches, and every local module imported by those, transitively; all found in the syntax tree,
nothing imported. Comments, docstrings and layout do not count. Data files beside an imported module
count by content.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGES = ("models", "datamodules", "benchmarks", "experiments")
DATA_SUFFIXES = {".json", ".jsonl", ".csv", ".txt", ".yaml", ".npz"}
ROOT = Path(__file__).parents[2]

Definition = ast.stmt


class Sources:
    """The local packages under `root`, parsed once each."""

    def __init__(self, root: Path = ROOT, packages: tuple[str, ...] = PACKAGES) -> None:
        self.root, self.packages = root, packages
        self.tree = cache(self._tree)
        self.imports = cache(self._imports)
        self.fingerprint = cache(self._fingerprint)
        self.entry_hash = cache(self._entry_hash)

    def everything_hash(self) -> str:
        """SHA-256 of all that any step or suite could depend on."""
        return files_hash(self.root / package for package in self.packages)

    def path(self, module: str) -> Path | None:
        """The file of a local module, or None if `module` is something else."""
        if module.partition(".")[0] not in self.packages:
            return None
        base = self.root.joinpath(*module.split("."))
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                return path
        return None

    def _entry_hash(self, entry: str, *modules: str) -> str:
        """SHA-256 of the code that `"package.module:function"` runs, of `modules` that it loads by
        name too."""
        module, _, function = entry.partition(":")
        reached = self.reached_definitions(module, function)
        imported = {name for node in reached for name in self.imported_modules(node, module)}
        imported |= set(modules)
        parts = [ast.dump(without_docstrings(node)) for node in reached]
        parts += [f"{name} {self.fingerprint(name)}" for name in sorted(self.closure(imported))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def reached_definitions(self, module: str, function: str) -> list[Definition]:
        """The top-level statements of `module` that `function` needs, in file order."""
        body = [one for node in self.tree(module).body for one in single_imports(node)]
        by_name = {name: node for node in body for name in defined_names(node)}
        if function not in by_name:
            raise ValueError(f"{module} must define {function}, got no such name.")
        reached: set[Definition] = set()
        waiting = [by_name[function]]
        while waiting:
            node = waiting.pop()
            if node not in reached:
                reached.add(node)
                used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                waiting += [by_name[name] for name in used if name in by_name]
        return [node for node in body if node in reached]

    def closure(self, modules: Iterable[str]) -> set[str]:
        """`modules`, what they import, and the packages that hold them."""
        found: set[str] = set()
        waiting = list(modules)
        while waiting:
            module = waiting.pop()
            if module not in found and self.path(module) is not None:
                found.add(module)
                waiting += self.imports(module)
                waiting += [module.rpartition(".")[0]] if "." in module else []
        return found

    def imported_modules(self, node: ast.AST, module: str) -> Iterator[str]:
        """Local modules that imports under `node` name; `from package import module` gives both."""
        for one in ast.walk(node):
            if isinstance(one, ast.Import):
                candidates = [alias.name for alias in one.names]
            elif isinstance(one, ast.ImportFrom):
                base = self.absolute(one, module)
                candidates = [base, *(f"{base}.{alias.name}" for alias in one.names)]
            else:
                continue
            yield from (name for name in candidates if self.path(name) is not None)

    def absolute(self, node: ast.ImportFrom, module: str) -> str:
        if not node.level:
            return node.module or ""
        path = self.path(module)
        parts = module.split(".")
        parts = parts if path is not None and path.name == "__init__.py" else parts[:-1]
        parts = parts[: len(parts) - (node.level - 1)]
        return ".".join([*parts, *([node.module] if node.module else [])])

    def _tree(self, module: str) -> ast.Module:
        path = self.path(module)
        if path is None:
            raise ValueError(f"a step's module must be one of this project, got {module!r}.")
        return ast.parse(path.read_text(), filename=str(path))

    def _imports(self, module: str) -> tuple[str, ...]:
        return tuple(self.imported_modules(self.tree(module), module))

    def _fingerprint(self, module: str) -> str:
        path = self.path(module)
        assert path is not None
        content = hashlib.sha256(ast.dump(without_docstrings(self.tree(module))).encode())
        for data in sorted(path.parent.iterdir()):
            if data.suffix in DATA_SUFFIXES:
                content.update(data.name.encode() + data.read_bytes())
        return content.hexdigest()


def single_imports(node: ast.stmt) -> list[ast.stmt]:
    """`from package import a, b` as one statement a name, so that each name stands for itself."""
    if isinstance(node, ast.Import):
        return [ast.Import([alias]) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
    return [node]


def defined_names(node: ast.stmt) -> list[str]:
    """The names that a top-level statement binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    return [
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    ]


def without_docstrings(tree: ast.AST) -> ast.AST:
    """Removes docstrings in place: they say nothing about what the code does."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            assert isinstance(body, list)
            first = body[0] if body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = body[1:] or [ast.Pass()]
    return tree


def files_hash(folders: Iterable[Path]) -> str:
    """SHA-256 of all sources and data files below `folders`."""
    content = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix == ".py" or path.suffix in DATA_SUFFIXES:
                content.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return content.hexdigest()
