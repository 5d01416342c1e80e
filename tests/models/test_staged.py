"""Laws of a stage: who is trained, at which rate, and what it leaves."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.context import TrunkConfig
from models.image_tokens import ImageTokenizer, ImageTokenizerConfig
from models.lora import LoraConfig, add_updates, merged_state
from models.module import SharedModule, TokenModule
from models.shared import SharedConfig
from models.staged import GroupConfig, StageConfig, StagedModule, names_by_task
from models.task_moe import TaskMoEConfig, TaskMoEModule
from models.tokenizers.codec import FeatureMap
from models.training import TrainConfig
from models.unified import Vocabulary
from models.unifork import UniForkConfig, UniForkModule

TRUNK = TrunkConfig(depth=2, width=16, heads=2, kv_heads=2, feed_forward=24)
CODEC = ImageTokenizerConfig(pixels=8, patch=4, levels=(3, 3), width=8)
TRAIN = TrainConfig(steps=10, precision="32-true")
WORDS = 12
QUERY = "model.trunk.layers.1.attention.query"
Batch = dict[str, dict[str, Tensor]]


def vocabulary() -> Vocabulary:
    return Vocabulary(WORDS, ImageTokenizer(CODEC).features(), CODEC.grid)


@pytest.fixture
def fork() -> UniForkModule:
    return UniForkModule(UniForkConfig(trunk=TRUNK, fork_at=1), vocabulary(), TRAIN, 0)


@pytest.fixture
def batch() -> Batch:
    """Two sequences a task; words are below `WORDS`, image codes above."""
    random = torch.Generator().manual_seed(0)
    words = torch.randint(8, WORDS, (2, 4), generator=random)
    codes = WORDS + torch.randint(0, 9, (2, 4), generator=random)
    is_code = torch.tensor([[False] * 4 + [True] * 4]).expand(2, 8)
    kept = torch.zeros(2, dtype=torch.bool)
    drawn = {"tokens": torch.cat((words, codes), 1), "predicted": is_code, "prompt_dropped": kept}
    told = {
        "tokens": torch.cat((codes, words), 1),
        "predicted": is_code.clone(),
        "prompt_dropped": kept,
    }
    return {"understand": told, "generate": drawn}


def stage(*groups: tuple[str, float], **fields: object) -> StageConfig:
    chosen = [GroupConfig(match=[pattern], rate=rate) for pattern, rate in groups]
    return StageConfig(groups=chosen, **fields)  # pyright: ignore[reportArgumentType]


def stepped(arm: TokenModule, config: StageConfig, batch: Batch) -> tuple[set[str], set[str]]:
    """Names that one step has changed, and those that it has left bit-equal."""
    staged = StagedModule(arm, config, seed=0)
    before = {name: value.clone() for name, value in arm.state_dict().items()}
    optimizer = staged.configure_optimizers()["optimizer"]
    staged.training_step(batch, 0).backward()
    optimizer.step()
    changed = {n for n, value in arm.state_dict().items() if not torch.equal(value, before[n])}
    return changed, set(before) - changed


def test_what_no_group_names_is_bit_equal_after_a_step_and_what_one_names_has_changed(
    fork: UniForkModule, batch: Batch
) -> None:
    changed, kept = stepped(fork, stage(("model.embedding.image_*", 0.1)), batch)
    assert {name.rsplit(".", 1)[0] for name in changed} == {
        "model.embedding.image_input",
        "model.embedding.image_output",
    }
    assert "model.image_head.weight" in kept
    trained = {name for name, parameter in fork.named_parameters() if parameter.requires_grad}
    assert trained == changed


def test_a_task_names_its_branch_its_norm_and_its_head_and_nothing_that_is_shared(
    fork: UniForkModule, batch: Batch
) -> None:
    changed, _ = stepped(fork, stage(("generate:*", 0.1)), batch)
    places = {".".join(name.split(".")[:3]) for name in changed}
    assert places == {
        "model.trunk.generate_layers",
        "model.trunk.generate_norm",
        "model.image_head.weight",
    }


def test_a_second_encoders_adapter_is_named_by_understanding_and_the_codes_by_generation() -> None:
    known = replace(vocabulary(), view=FeatureMap(cells=2, channels=3))
    double = SharedModule(SharedConfig(trunk=TRUNK), known, TRAIN, 0)
    codes, adapter = "model.embedding.image_input.weight", "model.adapter_input.weight"
    names = names_by_task(double)
    assert names[codes] == [codes, f"generate:{codes}"]
    assert names[adapter] == [adapter, f"understand:{adapter}"]


def test_a_head_is_left_alone_where_the_pattern_asks_for_the_trunk(
    fork: UniForkModule, batch: Batch
) -> None:
    changed, _ = stepped(fork, stage(("understand:model.trunk.*", 0.1)), batch)
    places = {".".join(name.split(".")[:4]) for name in changed}
    assert places == {"model.trunk.layers.1", "model.trunk.norm.weight"}


def test_each_groups_rate_reaches_the_optimiser_and_the_first_that_fits_takes_a_parameter(
    fork: UniForkModule,
) -> None:
    config = stage(
        ("model.image_head.*", 3e-4),
        ("*", 1e-5),
        rate_scale=2.0,
        weight_decay=0.1,
        betas=(0.9, 0.95),
    )
    optimizer = StagedModule(fork, config, seed=0).configure_optimizers()["optimizer"]
    head, rest = optimizer.param_groups
    assert [one["initial_lr"] for one in (head, rest)] == [6e-4, 2e-5]
    assert [id(p) for p in head["params"]] == [id(fork.model.image_head.weight)]
    assert len(rest["params"]) == len(list(fork.parameters())) - 1
    assert rest["betas"] == (0.9, 0.95)
    assert rest["weight_decay"] == 0.1


@pytest.mark.parametrize(
    ("config", "factors"),
    [
        (stage(("*", 1.0), warmup=0.4), [1 / 5, 2 / 5, 3 / 5, 4 / 5, 1.0, 1.0]),
        (
            stage(("*", 1.0), schedule="cosine", warmup=0.2),
            [1 / 3, 2 / 3, 1.0, 0.9619, 0.8536, 0.6913],
        ),
        (stage(("*", 1.0), schedule="cosine"), [1.0, 0.9755, 0.9045, 0.7939, 0.6545, 0.5]),
        (
            stage(("*", 1.0), schedule="cosine", floor=0.2),
            [1.0, 0.9804, 0.9236, 0.8351, 0.7236, 0.6],
        ),
    ],
)
def test_a_schedule_warms_up_by_its_share_and_a_cosine_halves_half_way(
    config: StageConfig, factors: list[float]
) -> None:
    found = [config.factor(step, 10) for step in range(6)]
    assert found == pytest.approx(factors, abs=1e-4)


def test_a_pattern_without_any_parameter_is_named(fork: UniForkModule) -> None:
    with pytest.raises(ValueError, match=r"stage\.groups\.match must fit .* got 'model\.hed\.\*'"):
        StagedModule(fork, stage(("*", 0.1), ("model.hed.*", 0.1)), seed=0)


def test_a_group_whose_parameters_an_earlier_one_took_is_refused(fork: UniForkModule) -> None:
    with pytest.raises(
        ValueError, match=r"no earlier group took, got none left for model\.image_head"
    ):
        StagedModule(fork, stage(("*", 0.1), ("model.image_head.*", 0.1)), seed=0)


def test_what_the_arm_itself_freezes_stays_frozen(batch: Batch) -> None:
    config = TaskMoEConfig(trunk=TRUNK, experts=2, mixing="fixed")
    arm = TaskMoEModule(config, vocabulary(), TRAIN, 0)
    _, kept = stepped(arm, stage(("*", 0.1)), batch)
    assert {name for name in kept if "alpha" in name} == {
        f"model.trunk.layers.{layer}.feed_forward.alpha" for layer in range(2)
    }


LORA = LoraConfig(rank=3, alpha=6, match=["attention.query", "feed_forward.down"])


def test_updates_start_as_nothing_and_are_the_same_for_a_seed(
    fork: UniForkModule, batch: Batch
) -> None:
    before = fork.losses(batch)["generate"]["loss"]
    add_updates(fork, LORA, seed=3)
    assert torch.equal(fork.losses(batch)["generate"]["loss"], before)
    again = UniForkModule(UniForkConfig(trunk=TRUNK, fork_at=1), vocabulary(), TRAIN, 0)
    add_updates(again, LORA, seed=3)
    first, second = (
        dict(one.named_parameters())[f"{QUERY}.lora_A.default.weight"] for one in (fork, again)
    )
    assert torch.equal(first, second)
    assert first.abs().max() > 0
    other = UniForkModule(UniForkConfig(trunk=TRUNK, fork_at=1), vocabulary(), TRAIN, 0)
    add_updates(other, LORA, seed=4)
    third = dict(other.named_parameters())[f"{QUERY}.lora_A.default.weight"]
    assert not torch.equal(first, third)


def test_merged_weights_are_the_base_plus_the_scaled_product(
    fork: UniForkModule, batch: Batch
) -> None:
    names = set(fork.state_dict())
    base = fork.state_dict()[f"{QUERY}.weight"].clone()
    config = stage(("*lora_*", 0.1), lora=LORA)
    changed, _ = stepped(fork, config, batch)
    assert all(".lora_" in name for name in changed)
    state = {name: value.clone() for name, value in fork.state_dict().items()}
    merged = merged_state(state, LORA)
    down, up = (state[f"{QUERY}.lora_{part}.default.weight"] for part in "AB")
    assert up.abs().max() > 0
    assert torch.allclose(merged[f"{QUERY}.weight"], base + 6.0 / 3 * up @ down, atol=1e-6)
    assert set(merged) == names
    key = QUERY.replace("query", "key")
    assert torch.equal(merged[f"{key}.weight"], state[f"{key}.weight"])
    layer = fork.get_submodule(QUERY)
    layer.merge()  # peft's own  # pyright: ignore[reportCallIssue]
    own = fork.state_dict()[f"{QUERY}.base_layer.weight"]
    assert torch.allclose(merged[f"{QUERY}.weight"], own, atol=1e-6)


def test_a_bias_beside_an_update_keeps_its_name() -> None:
    layer = nn.ModuleDict({"query": nn.Linear(4, 4, bias=True)})
    plain = {name: value.clone() for name, value in layer.state_dict().items()}
    add_updates(layer, LoraConfig(rank=2, alpha=2, match=["query"]), seed=0)
    merged = merged_state(layer.state_dict(), LoraConfig(rank=2, alpha=2, match=["query"]))
    assert merged.keys() == plain.keys()
    assert all(torch.equal(merged[name], value) for name, value in plain.items())


def test_a_stages_weights_are_left_as_the_ordinary_arms(
    fork: UniForkModule, batch: Batch, tmp_path: Path
) -> None:
    staged = StagedModule(fork, stage(("*lora_*", 0.1), lora=LORA), seed=0)
    torch.save(staged.state_dict(), tmp_path / "model.pt")
    staged.leave_arm(tmp_path / "model.pt")
    plain = UniForkModule(UniForkConfig(trunk=TRUNK, fork_at=1), vocabulary(), TRAIN, 1)
    plain.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    with torch.no_grad():
        losses = [one.losses(batch)["understand"]["loss"] for one in (staged, plain)]
    assert torch.allclose(*losses, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rank": -1}, r"stage\.lora\.rank must not be negative, got -1"),
        ({"rank": 4, "match": ["query"]}, r"stage\.lora\.alpha must be above 0, got 0"),
        ({"rank": 4, "alpha": 8}, r"stage\.lora\.match must name layers where .*rank=4"),
        ({"match": ["query"]}, r"stage\.lora\.match must name layers where .*rank=0"),
    ],
)
def test_updates_that_cannot_be_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LoraConfig(**fields)  # pyright: ignore[reportArgumentType]


def test_an_update_of_no_layer_is_named(fork: UniForkModule) -> None:
    wrong = LoraConfig(rank=1, alpha=1, match=["attention.querry"])
    with pytest.raises(
        ValueError, match=r"stage\.lora\.match must end names .* 'attention\.querry'"
    ):
        add_updates(fork, wrong, seed=0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schedule": "step"}, r"stage\.schedule must be one of constant, cosine, got 'step'"),
        ({"warmup": 1.5}, r"stage\.warmup must lie in \[0, 1\], got 1\.5"),
        ({"rate_scale": 0.0}, r"stage\.rate_scale must be above 0, got 0\.0"),
        ({"weight_decay": -0.1}, r"stage\.weight_decay must not be negative, got -0\.1"),
    ],
)
def test_a_stage_that_cannot_be_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stage(("*", 0.1), **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"match": ["*"], "rate": 0.0}, r"stage\.groups\.rate must be above 0, got 0\.0"),
        ({"rate": 0.1}, r"stage\.groups\.match must hold a pattern, got none"),
    ],
)
def test_a_group_that_cannot_be_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GroupConfig(**fields)  # pyright: ignore[reportArgumentType]
