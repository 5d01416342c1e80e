"""YAML files read into dataclasses: recipes of training, each with a dataclass of its own."""

from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue

from experiments.config import ConfigError, Layer, merge_layer

T = TypeVar("T")


def read_structured(kind: type[T], *layers: Layer) -> T:
    """The dataclass with the values of the layers, later ones above earlier ones.

    Raises ConfigError that names the layer and the key, or the first layer and what is missing from
    it or breaks a rule.
    """
    source = layers[0].source
    merged: Any = OmegaConf.structured(kind)
    for layer in layers:
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
