"""How a bridge is put together: what it starts from, what that cost, how many steps it may have."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from experiments.artifacts.data import asks_about_picture
from experiments.build import build_module, text_module
from experiments.config import Layer
from experiments.fitting.fit import save_weights
from experiments.match import match
from experiments.planning.plan import Plan, Request
from experiments.planning.planner import Planner, Project
from experiments.planning.suite import load_preset, load_suite, resolve_arm
from experiments.schema import load_schema
from experiments.store.markers import write_json
from experiments.train import spent_before
from models.frozen_bridge import FrozenBridgeConfig
from models.image_tokens import ImageTokenizerConfig
from models.tokenizers.kinds import load_codec
from models.training import TrainConfig
from tests.experiments.builders import TRUNK, cell_folders, tiny_config
from tests.experiments.fakes import EntryAlone

TRAIN = TrainConfig(steps=40, understand_batch=4, generate_batch=4, precision="32-true")
BRIDGE = FrozenBridgeConfig(
    trunk=TRUNK, queries=4, connector_depth=1, decoder_depth=1, decoder_heads=2
)
CODEC = ImageTokenizerConfig(levels=(3, 3, 3), width=8)
CONFIG = tiny_config(tokenizer=CODEC, model=BRIDGE, train=TRAIN, stage0=TRAIN)


def changed(**fields: object) -> SimpleNamespace:
    return SimpleNamespace(**{**vars(CONFIG), **fields})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Finished cells: stage 0 of seed 1, a frozen model of seed 2, a decoder of seed 3."""
    root = tmp_path_factory.mktemp("steps")
    folders = cell_folders(CONFIG, root, "stage0", "frozen", "decoder")
    for name, seed in (("stage0", 1), ("frozen", 2)):
        text = text_module(changed(seed=seed), load_codec(folders["tokenizer"]))
        save_weights(text.state_dict(), folders[name] / "model.pt")
    bridge = build_module(changed(seed=3), only(folders, "frozen"))
    save_weights(bridge.state_dict(), folders["decoder"] / "model.pt")
    for number, name in enumerate(("stage0", "frozen", "decoder")):
        write_json(folders[name] / "summary.json", {"flops": 10**number, "tokens": 2 * 10**number})
    return folders


def only(inputs: dict[str, Path], *names: str) -> dict[str, Path]:
    return {name: inputs[name] for name in ("tokenizer", "stage0", *names)}


def word_embeddings(module) -> torch.Tensor:
    return module.model.language_model.embedding.text.weight


def saved(folder: Path, name: str) -> torch.Tensor:
    return torch.load(folder / "model.pt", weights_only=True)[name]


@pytest.mark.parametrize(
    ("needed", "init", "source"),
    [(("frozen",), "text", "frozen"), ((), "text", "stage0"), ((), "scratch", None)],
)
def test_a_bridge_stands_on_the_cell_it_needs_else_on_stage_0_else_on_nothing(
    inputs: dict[str, Path], needed: tuple, init: str, source: str | None
) -> None:
    config = changed(train=replace(TRAIN, init=init))
    found = word_embeddings(build_module(config, only(inputs, *needed)))
    sources = {
        name: saved(inputs[name], "model.embedding.text.weight")
        for name in inputs
        if name in ("stage0", "frozen")
    }
    assert [name for name, value in sources.items() if torch.equal(found, value)] == (
        [source] if source else []
    )


def test_a_decoder_starts_from_that_of_the_cell_that_is_needed_as_decoder(
    inputs: dict[str, Path],
) -> None:
    name = "model.decoder.proj_out.weight"
    fresh, started = (
        build_module(CONFIG, only(inputs, "frozen", *more)).state_dict()
        for more in ((), ("decoder",))
    )
    assert torch.equal(started[name], saved(inputs["decoder"], name))
    assert not torch.equal(fresh[name], started[name])
    other = "model.connector.projection.0.weight"
    assert torch.equal(fresh[other], started[other])  # the decoder alone is taken


def test_a_frozen_decoder_that_nothing_has_trained_is_refused(inputs: dict[str, Path]) -> None:
    config = changed(model=replace(BRIDGE, decoder="frozen"))
    with pytest.raises(ValueError, match=r"arm\.needs must name a cell as decoder"):
        build_module(config, only(inputs, "frozen"))
    assert build_module(config, only(inputs, "frozen", "decoder"))


def test_a_decoder_of_another_size_is_refused_by_name(inputs: dict[str, Path]) -> None:
    config = changed(model=replace(BRIDGE, decoder_depth=2))
    with pytest.raises(ValueError, match=r"must hold this config's tensors, got missing transf"):
        build_module(config, only(inputs, "frozen", "decoder"))


def test_what_a_bridge_starts_from_counts_towards_its_cost(inputs: dict[str, Path]) -> None:
    assert spent_before(CONFIG, only(inputs)).flops == 1  # stage 0
    assert spent_before(CONFIG, only(inputs, "frozen")).flops == 10  # which counts its own stage 0
    both = spent_before(CONFIG, only(inputs, "frozen", "decoder"))
    assert (both.flops, both.tokens) == (110, 220)


def test_a_bridge_that_trains_more_gets_fewer_steps_of_the_same_cost() -> None:
    steps = {
        (language_model, decoder): match(
            changed(model=replace(BRIDGE, language_model=language_model, decoder=decoder)),
            CONFIG,
            "flops",
        )["train.steps"]
        for language_model in ("frozen", "tuned")
        for decoder in ("frozen", "tuned")
    }
    assert steps["frozen", "frozen"] > steps["frozen", "tuned"] > steps["tuned", "tuned"]
    assert steps["frozen", "frozen"] > steps["tuned", "frozen"] > steps["tuned", "tuned"]


def planned(suite: str, arm: str) -> Plan:
    request = Request(suite, "smoke", arms=(arm,))
    return Planner(Project(sources=EntryAlone()), request).plan()


@pytest.fixture(scope="module")
def first() -> Plan:
    """The bridge of the first suite, and the frozen model that it needs."""
    return planned("architectures", "frozen_bridge")


@pytest.mark.parametrize(
    "suite", ["bridge_queries", "bridge_connector", "bridge_backbone", "knowledge"]
)
def test_a_suite_takes_the_default_bridge_and_its_frozen_model_from_the_first_suite(
    suite: str, first: Plan
) -> None:
    other = planned(suite, "frozen_bridge")
    assert dict(first.cells[0].steps) == dict(other.cells[0].steps)
    assert set(first.steps) == set(other.steps)  # the frozen model's steps among them


def test_false_facts_change_the_training_data_and_no_benchmark() -> None:
    true, false = (
        planned("knowledge", arm).cells[0].steps
        for arm in ("understand_only", "understand_counterfactual")
    )
    moved = {name for name in true if true[name] != false[name]}
    assert {"data", "texts", "stage0", "train", "generate_vqa"} <= moved
    assert not moved & {"tokenizer", "judge", "brackets", "prompts_wise", "prompts_vqa"}


def test_of_the_frozen_models_of_bridge_backbone_one_has_seen_pictures() -> None:
    suite, preset = load_suite("bridge_backbone"), load_preset("smoke")
    nothing = Layer("command line", {})
    data = {
        arm: resolve_arm(load_schema(), suite, preset, arm, nothing).data
        for arm in ("understand_only", "instructed_only")
    }
    seen = {
        arm: sum(asks_about_picture(one, index) for index in range(1000))
        for arm, one in data.items()
    }
    assert seen == {"understand_only": 670, "instructed_only": 0}
