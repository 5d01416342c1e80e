"""YAML files read into dataclasses: recipes of training, each with a dataclass of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue

from experiments.config import ConfigError, Layer, dotlist_layer, merge_layer, read_yaml

T = TypeVar("T")


def read_structured(kind: type[T], path: Path, source: str, overrides: Sequence[str] = ()) -> T:
    """The dataclass with the values of a file, which errors call `source`, and of `key=value`s.

    Raises ConfigError that names file or command line and the key, or the file and what is missing
    from it or breaks a rule.
    """
    merged: Any = OmegaConf.structured(kind)
    for layer in (Layer(source, read_yaml(path, source)), dotlist_layer(overrides)):
        merged = merge_layer(merged, layer)
    try:
        found = OmegaConf.to_object(merged)
    except MissingMandatoryValue as error:
        raise ConfigError(f"{source}: {error.full_key} must be given, got nothing.") from None
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{source}: {reason}") from error
    assert isinstance(found, kind)
    return found
