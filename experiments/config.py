"""Builds a cell's config from layers: dataclass, suite base, preset, arm, command line.

Values are merged key by key into one structured config, so an error carries the full key and the
file that the user has to open: `presets/cpu.yaml: train.lrr must be a known key. Did you mean:
'lr'?` The dataclasses stand beside what they build; `Schema` says which section has which.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from omegaconf import IntegerNode, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

CellConfig = Any
"""A frozen dataclass with one attribute a section of the schema (`world`, …) and `seed`."""

Matcher = Callable[[CellConfig, CellConfig, str], Mapping[str, Any]]


class ConfigError(ValueError):
    """A config that the user has to correct; its message is all that the user needs to see."""


@dataclass(frozen=True)
class Schema:
    """The dataclass of each section, and of `model` by `model.name`.

    `tasks(config)` says which tasks a cell trains. `match(config, control, kind)` returns values by
    full key that make a config match the control's size; `kind` is the suite's `match`.
    """

    sections: Mapping[str, type]
    models: Mapping[str, type]
    tasks: Callable[[CellConfig], tuple[str, ...]]
    match: Matcher | None = None


@dataclass(frozen=True)
class Layer:
    """Values that one file or the command line sets; `source` is what errors call it."""

    source: str
    values: Mapping[str, Any]


def read_yaml(path: Path, source: str) -> dict[str, Any]:
    """The mapping that a YAML file holds, numbers such as 1e-3 read as numbers."""
    try:
        values = OmegaConf.to_container(OmegaConf.load(path))
    except FileNotFoundError:
        raise ConfigError(f"{source} must exist.") from None
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"{source} must be valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{source} must hold a mapping, got {type(values).__name__}.")
    return {str(key): value for key, value in values.items()}


def dotlist_layer(items: Sequence[str]) -> Layer:
    """`["train.lr=1e-3"]` as the last layer."""
    given = OmegaConf.create()
    for item in items:
        if "=" not in item:
            raise ConfigError(f"command line: an override must read key=value, got {item!r}.")
        try:
            given.merge_with_dotlist([item])
        except (yaml.YAMLError, OmegaConfBaseException):
            raise ConfigError(f"command line: a value must be valid YAML, got {item!r}.") from None
        except ValueError:
            raise ConfigError(
                f"command line: a key must go on from fields, not from a list, got {item!r}."
            ) from None
    values = OmegaConf.to_container(given)
    assert isinstance(values, dict)
    return Layer("command line", {str(key): value for key, value in values.items()})


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Full keys and leaf values of nested mappings: `("train.lr", 0.001)`."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """`{"model.trunk.depth": 4}` as nested mappings."""
    root: dict[str, Any] = {}
    for key, value in values.items():
        *parents, last = key.split(".")
        target = root
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = value
    return root


def resolve(schema: Schema, layers: Sequence[Layer], label: str) -> CellConfig:
    """The checked config of the merged layers; `label` names the cell in errors."""
    sections = {**schema.sections, "model": schema.models[model_name(schema, layers)]}
    nodes = {name: OmegaConf.structured(one) for name, one in sections.items()}
    merged: Any = OmegaConf.create({**nodes, "seed": IntegerNode(0)}, flags={"struct": True})
    for layer in layers:
        merged = merge_layer(merged, layer)
    try:
        values = OmegaConf.to_object(merged)
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{label}: {reason}") from error
    assert isinstance(values, dict)
    types = [(str(name), type(value)) for name, value in values.items()]
    return dataclasses.make_dataclass("CellConfig", types, frozen=True, kw_only=True)(**values)


def model_name(schema: Schema, layers: Sequence[Layer]) -> str:
    """The last `model.name` that a layer sets; it selects the dataclass of `model`."""
    named = [
        (layer.source, layer.values["model"]["name"])
        for layer in layers
        if isinstance(layer.values.get("model"), Mapping) and "name" in layer.values["model"]
    ]
    source, name = named[-1] if named else ("the config", None)
    if name not in schema.models:
        known = ", ".join(schema.models)
        raise ConfigError(f"{source}: model.name must be one of {known}, got {name!r}.")
    return name


def merge_layer(merged: Any, layer: Layer) -> Any:
    """The config with a layer's values; ConfigError names the layer and the first key at fault."""
    values = dict(flatten(layer.values))
    for key, value in values.items():
        if value is None and OmegaConf.is_config(found_at(merged, key)):
            raise ConfigError(f"{layer.source}: {key} must hold fields or entries, got null.")
    try:
        merged = OmegaConf.merge(merged, nest(values))
    except OmegaConfBaseException:
        for key, value in values.items():
            merged = merge_value(merged, layer.source, key, value)
    for key in values:
        number = found_at(merged, key)
        if isinstance(number, float) and not math.isfinite(number):
            raise ConfigError(f"{layer.source}: {key} must be finite, got {number}.")
    return merged


def found_at(merged: Any, key: str) -> Any:
    """The value of a full key; None where it cannot be resolved, which `resolve` says."""
    try:
        return OmegaConf.select(merged, key)
    except OmegaConfBaseException:
        return None


def merge_value(merged: Any, source: str, key: str, value: Any) -> Any:
    """The config with one value more; ConfigError names the layer and the full key."""
    try:
        return OmegaConf.merge(merged, nest({key: value}))
    except ConfigKeyError as error:
        hint = (error.msg or "").partition("Did you mean")[2].partition("\n")[0]
        hint = f" Did you mean{hint}" if hint else ""
        full = error.full_key or key
        raise ConfigError(f"{source}: {full} must be a known key.{hint}") from None
    except OmegaConfBaseException as error:
        reason = str(error.msg).partition("\n")[0]
        full = error.full_key or key
        raise ConfigError(
            f"{source}: {full} must fit its declared type, got {value!r} ({reason})."
        ) from None


def canonical(config: CellConfig) -> dict[str, Any]:
    """The config as plain JSON values; a model that is another one in its limit gives that one.

    A model config may have a method `canonical()`: `unifork` at full depth returns `shared`'s
    config, so both are the same cell.
    """
    reduce = getattr(config.model, "canonical", None)
    if reduce is not None:
        config = dataclasses.replace(config, model=reduce())
    return json.loads(json.dumps(dataclasses.asdict(config)))


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def select(values: Mapping[str, Any], parts: Sequence[str]) -> dict[str, Any]:
    """The parts (`"world"`, `"model.trunk"`) of a nested mapping, by full key."""
    chosen = {}
    for part in parts:
        value: Any = values
        for key in part.split("."):
            value = value[key]
        chosen[part] = value
    return chosen


def with_sections(config: CellConfig, **sections: Any) -> CellConfig:
    """The config with these in the place of its own sections."""
    return SimpleNamespace(**{**vars(config), **sections})


def view(config: CellConfig, parts: Sequence[str]) -> CellConfig:
    """The config with nothing but `parts`: a step cannot read what its key does not cover."""
    chosen = SimpleNamespace()
    for part in parts:
        *parents, last = part.split(".")
        target, source = chosen, config
        for name in parents:
            source = getattr(source, name)
            if not hasattr(target, name):
                setattr(target, name, SimpleNamespace())
            target = getattr(target, name)
        setattr(target, last, getattr(source, last))
    return chosen
