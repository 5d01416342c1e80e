"""Layers, the full key in every error, and what a step may see."""

from typing import Any

import pytest

from experiments.config import (
    ConfigError,
    Layer,
    canonical,
    digest,
    dotlist_layer,
    resolve,
    select,
    view,
)
from tests.experiments.fakes import load_schema

SHARED = Layer("base.yaml", {"model": {"name": "shared"}})


def config(*values: dict[str, Any]) -> Any:
    layers = [Layer(f"layer {index}", one) for index, one in enumerate(values)]
    return resolve(load_schema(), [SHARED, *layers], "toy/arm")


def test_later_layers_win_and_defaults_fill_the_rest() -> None:
    made = config({"train": {"lr": 0.1, "quality": 0.2}}, {"train": {"lr": 0.3}})
    assert (made.train.lr, made.train.quality, made.model.trunk.depth) == (0.3, 0.2, 4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train": {"lrr": 1}}, r"layer 0: train\.lrr must be a known key\. Did you mean: 'lr'"),
        ({"model": {"trunk": {"deep": 1}}}, r"model\.trunk\.deep must be a known key"),
        ({"trian": {"lr": 1}}, r"trian must be a known key\. Did you mean: 'train'"),
        ({"train": {"lr": "fast"}}, r"train\.lr must fit its declared type, got 'fast'"),
        ({"train": 3}, r"layer 0: train must fit its declared type, got 3"),
        ({"world": {"classes": 99}}, r"toy/arm: world\.classes must lie in \[1, 24\], got 99"),
        ({"model": {"name": "spiral"}}, r"model\.name must be one of shared, fork, got 'spiral'"),
        ({"model": {"fork_at": 1}}, r"model\.fork_at must be a known key"),
        ({"seed": "x"}, r"seed must fit its declared type, got 'x'"),
        ({"train": None}, r"train must hold fields or entries, got null"),
        ({"train": {"lr": "${train.nope}"}}, r"toy/arm: .*'train\.nope' not found"),
        ({"train": {"lr": "nan"}}, r"train\.lr must be finite, got nan"),
        ({"train": {"lr": float("inf")}}, r"train\.lr must be finite, got inf"),
    ],
)
def test_an_error_names_the_layer_and_the_full_key(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        config(values)
    assert "\n" not in str(error.value)


def test_the_model_section_takes_the_class_that_its_name_selects() -> None:
    made = config({"model": {"name": "fork", "fork_at": 3}})
    assert type(made.model).__name__ == "Fork"
    assert made.model.fork_at == 3


def test_a_model_that_is_another_in_its_limit_has_that_ones_canonical_config() -> None:
    fork = config({"model": {"name": "fork", "fork_at": 4}})
    assert canonical(fork) == canonical(config())
    assert canonical(config({"model": {"name": "fork"}})) != canonical(config())


def test_overrides_are_read_as_the_last_layer() -> None:
    layer = dotlist_layer(["train.lr=1e-2", "train.tasks=[generate]"])
    made = resolve(load_schema(), [SHARED, layer], "toy/arm")
    assert (made.train.lr, made.train.tasks) == (0.01, ("generate",))
    with pytest.raises(ConfigError, match=r"must read key=value, got 'train\.lr'"):
        dotlist_layer(["train.lr"])
    with pytest.raises(ConfigError, match=r"must be valid YAML, got 'train\.tasks=\[generate'"):
        dotlist_layer(["train.lr=1e-2", "train.tasks=[generate"])
    with pytest.raises(ConfigError, match=r"must be valid YAML, got 'train\.lr=\$\{x'"):
        dotlist_layer(["train.lr=${x"])
    with pytest.raises(ConfigError, match=r"not from a list, got 'train\.tasks\.first=generate'"):
        dotlist_layer(["train.tasks=[generate]", "train.tasks.first=generate"])


def test_the_digest_ignores_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_a_step_sees_the_parts_that_its_key_covers_and_no_more() -> None:
    made = config()
    seen = view(made, ("world", "model.trunk", "seed"))
    assert (seen.world, seen.model.trunk, seen.seed) == (made.world, made.model.trunk, 0)
    with pytest.raises(AttributeError):
        _ = seen.model.name
    with pytest.raises(AttributeError):
        _ = seen.train
    assert set(select(canonical(made), ("world", "model.trunk"))) == {"world", "model.trunk"}
