"""A suite asks one question: a folder with base.yaml, claims.yaml and one short YAML an arm.

`base.yaml` holds what every arm shares and, under `suite`, what the arms may differ in: `varies`
lists the fields that the question is about, `matched` those that size matching sets. An arm that
touches anything else is refused. A preset gives sizes and schedules; it lies between base and arm.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.config import (
    CellConfig,
    ConfigError,
    Layer,
    Schema,
    flatten,
    model_name,
    nest,
    read_yaml,
    resolve,
)

EXPERIMENTS = Path(__file__).parent.parent
ARM_KEYS = ("needs", "inherits", "total")
PRESET_KEYS = ("about", "stamp", "plateau", "expected_seconds", "by_model")
MATCHES = ("none", "active", "total", "flops")


@dataclass(frozen=True, kw_only=True)
class SuiteConfig:
    """`suite:` of base.yaml. `headline` lists metrics by task, without protocol; the first of each
    task spans the Pareto plot. `control` is the arm that all others are compared with. All arms,
    controls included, take `steps_share` of the preset's training steps."""

    question: str
    control: str
    varies: list[str]
    matched: list[str] = field(default_factory=list)
    match: str = "none"
    headline: dict[str, list[str]] = field(default_factory=dict)
    steps_share: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.steps_share <= 1:
            raise ConfigError(f"suite.steps_share must lie in (0, 1], got {self.steps_share}.")
        if self.match not in MATCHES:
            raise ConfigError(
                f"suite.match must be one of {', '.join(MATCHES)}, got {self.match!r}."
            )


@dataclass(frozen=True)
class Arm:
    """One arm. `needs` maps an input of its training to the arm whose training gives it;
    `inherits` lists tasks that another model solves for it, which get no verdict; `total` names the
    arm that it matches in total parameters, in place of the suite's own match with the control."""

    name: str
    layer: Layer
    needs: Mapping[str, str]
    inherits: tuple[str, ...]
    total: str = ""


@dataclass(frozen=True)
class Preset:
    """Sizes and schedules. `by_model` adds values for one `model.name`; `stamp` marks every output;
    `expected_seconds` by step name, of trainings also `train_<model>` and `train_<task>`, feeds the
    plan until a step has been timed here; `plateau` is how little a score may still rise for a
    claim to be judged (experiments/evidence/plateau.py); `about` says in a line what it is for."""

    name: str
    layer: Layer
    by_model: Mapping[str, Layer]
    stamp: str
    expected_seconds: Mapping[str, float]
    plateau: float | None = None
    about: str = ""


@dataclass(frozen=True)
class Suite:
    name: str
    config: SuiteConfig
    base: Layer
    arms: Mapping[str, Arm]
    claims: tuple[Mapping[str, Any], ...]
    claims_hash: str


def check_known(folder: Path, kind: str, wanted: str) -> None:
    """Raises ConfigError that lists what exists, unless `wanted` does."""
    known = sorted(path.stem for path in folder.glob("*") if not path.name.startswith("_"))
    if wanted not in known:
        raise ConfigError(f"{kind} must be one of {', '.join(known)}, got {wanted!r}.")


def load_suite(name: str, root: Path = EXPERIMENTS) -> Suite:
    """Reads `suites/<name>`; raises ConfigError for an unknown suite or an arm that breaks it."""
    check_known(root / "suites", "suite", name)
    folder = root / "suites" / name
    source = f"suites/{name}/base.yaml"
    values = read_yaml(folder / "base.yaml", source)
    config = suite_config(values.pop("suite", {}), source)
    arms = {path.stem: load_arm(path, name, config) for path in arm_files(folder, config.control)}
    if config.control not in arms:
        raise ConfigError(f"{source}: suite.control must be an arm, got {config.control!r}.")
    for arm in arms.values():
        for needed in arm.needs.values():
            if needed not in arms:
                raise ConfigError(f"{arm.layer.source}: arm.needs must name arms, got {needed!r}.")
        if arm.total and arm.total not in arms:
            raise ConfigError(f"{arm.layer.source}: arm.total must be an arm, got {arm.total!r}.")
    claims = read_yaml(folder / "claims.yaml", f"suites/{name}/claims.yaml").get("claims") or []
    digest = claims_hash(name, root)
    return Suite(name, config, Layer(source, values), arms, tuple(claims), digest)


def claims_hash(suite: str, root: Path = EXPERIMENTS) -> str:
    """SHA-256 of a suite's claims.yaml."""
    return hashlib.sha256((root / "suites" / suite / "claims.yaml").read_bytes()).hexdigest()


def arm_files(folder: Path, control: str) -> list[Path]:
    """The arms' files, the control's first."""
    paths = [path for path in folder.glob("*.yaml") if path.stem not in ("base", "claims")]
    return sorted(paths, key=lambda path: (path.stem != control, path.stem))


def suite_config(values: Mapping[str, Any], source: str) -> SuiteConfig:
    try:
        return SuiteConfig(**values)
    except TypeError as error:
        reason = str(error).partition(" ")[2]
        raise ConfigError(f"{source}: suite must have the known keys: {reason}.") from None


def load_arm(path: Path, suite: str, config: SuiteConfig) -> Arm:
    source = f"suites/{suite}/{path.name}"
    values = read_yaml(path, source)
    about = values.pop("arm", {})
    check_keys(about, ARM_KEYS, f"{source}: arm")
    check_varies(values, [*config.varies, *config.matched], source)
    return Arm(
        path.stem,
        Layer(source, values),
        about.get("needs", {}),
        tuple(about.get("inherits", ())),
        about.get("total", ""),
    )


def check_keys(about: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    if unknown := set(about) - set(known):
        raise ConfigError(f"{where} must have the keys {', '.join(known)}, got {min(unknown)!r}.")


def check_varies(values: Mapping[str, Any], allowed: Sequence[str], source: str) -> None:
    """Raises ConfigError unless every key lies under a field in `allowed`."""
    for key, _ in flatten(values):
        if not any(key == one or key.startswith(f"{one}.") for one in allowed):
            raise ConfigError(
                f"{source}: an arm must differ only in {', '.join(allowed)}, got {key}."
            )


def load_preset(name: str, root: Path = EXPERIMENTS) -> Preset:
    check_known(root / "presets", "preset", name)
    source = f"presets/{name}.yaml"
    values = read_yaml(root / "presets" / f"{name}.yaml", source)
    about = values.pop("preset", {})
    check_keys(about, PRESET_KEYS, f"{source}: preset")
    by_model = {
        model: Layer(f"{source} (by_model.{model})", {"model": one})
        for model, one in about.get("by_model", {}).items()
    }
    return Preset(
        name,
        Layer(source, values),
        by_model,
        about.get("stamp", ""),
        about.get("expected_seconds", {}),
        about.get("plateau"),
        about.get("about", ""),
    )


def resolve_arm(
    schema: Schema, suite: Suite, preset: Preset, arm: str, overrides: Layer
) -> CellConfig:
    """The config of an arm, matched to the suite's control, or to the arm that it names by `total`,
    where `matched` lists fields."""
    config = resolve_unmatched(schema, suite, preset, arm, overrides)
    if schema.match is None or not suite.config.matched:
        return config
    total = suite.arms[arm].total
    other, kind = (total, "total") if total else (suite.config.control, suite.config.match)
    against = resolve_unmatched(schema, suite, preset, other, overrides)
    matched = schema.match(config, against, kind)
    for key in matched:
        if key not in suite.config.matched:
            raise ConfigError(
                f"{suite.base.source}: suite.matched must list {key}, got no such field."
            )
    values = Layer("size matching", nest(matched))
    return resolve_unmatched(schema, suite, preset, arm, overrides, values)


def resolve_unmatched(
    schema: Schema, suite: Suite, preset: Preset, arm: str, overrides: Layer, *extra: Layer
) -> CellConfig:
    if arm not in suite.arms:
        known = ", ".join(suite.arms)
        raise ConfigError(f"arm must be one of {known} in suite {suite.name}, got {arm!r}.")
    own = suite.arms[arm].layer
    layers = [suite.base, preset.layer, *shorter_training(suite, preset), own, overrides, *extra]
    if by_model := preset.by_model.get(model_name(schema, layers)):
        layers.insert(2, by_model)
    return resolve(schema, layers, f"{suite.name}/{arm}")


def shorter_training(suite: Suite, preset: Preset) -> list[Layer]:
    """The preset's steps by the suite's share of them, where it asks for less than all.

    Raises ConfigError for a preset that states no steps to take a share of.
    """
    share = suite.config.steps_share
    if share == 1:
        return []
    source = f"{suite.base.source} (suite.steps_share)"
    steps = preset.layer.values.get("train", {}).get("steps")
    if steps is None:
        raise ConfigError(f"{source}: preset {preset.name} must state train.steps, got none.")
    return [Layer(source, {"train": {"steps": max(1, round(share * steps))}})]
