"""The probes of tiny cells on the embedded world."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks.geneval.layout import slot_name
from benchmarks.images import write_image
from benchmarks.probes.config import ProbeConfig
from benchmarks.probes.tables import observations, read_table, where
from benchmarks.prompts import geneval
from datamodules.sequences import StepBatches
from datamodules.world import World, WorldConfig
from experiments.artifacts.data import save
from experiments.build import build_module
from experiments.probing import steps as probes
from experiments.probing.inspected import InspectedModel, parts, untrained_module
from experiments.scoring.prompt_folders import FULL
from experiments.store.markers import write_marker
from models import TASKS
from models.architectures import architecture
from models.batch import pack_generate, pack_understand
from models.text_tokens import PAD, TextTokens
from models.training import TrainConfig
from tests.experiments.builders import TRUNK, cell_folders, tiny_config

WORLD = WorldConfig(classes=4, colours=4)
TRAIN = TrainConfig(steps=3, init="scratch", precision="32-true")


@pytest.fixture(scope="module")
def shared_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A codec, GenEval prompts, drawings of anything and training sequences."""
    root, world = tmp_path_factory.mktemp("artifacts"), World(WORLD)
    names = ("stage0", "prompts_geneval", "generate_geneval", "data")
    folders = cell_folders(tiny_config(), root, *names)
    geneval.write(world, 3, folders["prompts_geneval"] / FULL)
    for number in range(60):
        image = world.render(world.scene("dev", number))
        write_image(folders["generate_geneval"] / slot_name((number, 0)), image)
    write_sequences(world, TextTokens(world.vocabulary), folders["data"])
    return folders


def write_sequences(world: World, words: TextTokens, folder: Path) -> None:
    rows: dict[str, list] = {"understand": [], "generate": []}
    for index in range(24):
        scene = world.scene("train", index)
        codes = [(index * 7 + place) % 27 for place in range(16)]
        asked = [(one.text, one.answer) for one in world.questions("train", index, scene, 2)]
        rows["understand"].append(pack_understand(words, codes, asked))
        rows["generate"].append(pack_generate(words, world.full_caption(scene), codes))
    for task, packed in rows.items():
        save(folder, task, packed)


def cell(name: str, folders: dict[str, Path], out: Path, **fields: Any) -> tuple[Any, dict]:
    """Config and inputs of a cell whose training step left the weights it began with."""
    kind: Any = architecture(name)
    train = replace(TRAIN, **fields.pop("train", {}))
    config = tiny_config(
        model=kind.config(trunk=TRUNK, **fields),
        stage0=TRAIN,
        train=train,
        probe=ProbeConfig(per_kind=4, neighbours=1, gradient_batch=4),
    )
    out.mkdir(parents=True)
    inputs = {**folders, "train": out}
    torch.save(untrained_module(config, inputs).state_dict(), out / "model.pt")
    write_marker(out, {})
    return config, inputs


def rows_of(step: Any, arm: tuple[Any, dict], out: Path) -> list[dict[str, str]]:
    out.mkdir(exist_ok=True)
    step(*arm, out)
    return read_table(out / f"{step.__name__.removeprefix('probe_')}.csv")


def test_alignment_of_an_untrained_arm_is_its_own_baseline(shared_folders, tmp_path: Path):
    arm = cell("unifork", shared_folders, tmp_path / "train", fork_at=1)
    rows = rows_of(probes.probe_alignment, arm, tmp_path / "out")
    assert {(row["images"], row["task"]) for row in rows} == {
        (images, task) for images in ("world", "own") for task in ("understand", "generate")
    }
    assert all(row["value"] == row["untrained"] != "" for row in rows)
    assert {row["layer"] for row in rows} == {"1", "2"}
    assert len(read_table(tmp_path / "out/alignment_shape.csv")) == 8  # by task, images and scope
    assert (tmp_path / "out/alignment.svg").is_file()


def test_every_arm_sees_the_same_pictures_of_the_world_and_then_its_own(
    shared_folders, tmp_path: Path
):
    config, inputs = cell("shared", shared_folders, tmp_path / "train")
    first, again = probes.world_samples(config, inputs), probes.world_samples(config, inputs)
    assert [one.prompt for one in first] == [one.prompt for one in again]
    assert all((a.image == b.image).all() for a, b in zip(first, again, strict=True))
    kinds = [one.kind for one in first]
    assert max(kinds.count(kind) for kind in kinds) <= 4
    own = probes.own_samples(config, inputs)
    assert [one.prompt for one in own] == [one.prompt for one in first]
    number = next(probes.asked(config, inputs))[0]
    drawn = World(WORLD).render(World(WORLD).scene("dev", number))
    assert (own[0].image == drawn).all()
    seen = InspectedModel.trained(config, inputs).pack(first[:1], "understand")
    answer = seen["tokens"][0][seen["predicted"][0]].tolist()
    assert TextTokens(World(WORLD).vocabulary).decode(answer) == first[0].answer


def test_the_weights_that_are_named_are_seen_and_the_baseline_is_what_was_drawn_without_stage_0(
    shared_folders, tmp_path: Path
):
    config, inputs = cell("shared", shared_folders, tmp_path / "train")
    drawn = torch.load(tmp_path / "train/model.pt")
    torch.save({name: one + 1 for name, one in drawn.items()}, tmp_path / "train/later.pt")
    later = InspectedModel.trained(config, inputs, "later.pt").module.state_dict()
    from_text = SimpleNamespace(**{**vars(config), "train": replace(TRAIN, init="text")})
    before = InspectedModel.untrained(from_text, inputs).module.state_dict()
    for name, one in drawn.items():
        assert torch.equal(later[name], one + 1), name
        assert torch.equal(before[name], one), name
    stage = InspectedModel.untrained(from_text, {**inputs, "start": tmp_path}).module.state_dict()
    assert all(torch.equal(one, drawn[name]) for name, one in stage.items())  # nothing is read


def test_gradients_are_of_batches_behind_those_that_training_has_dealt(
    shared_folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config, inputs = cell("shared", shared_folders, tmp_path / "train")
    config.train = replace(TRAIN, steps=9, understand_batch=7, generate_batch=2, stages=2, stage=1)
    seen, dealt = InspectedModel.trained(config, inputs), StepBatches.sequences
    asked = []

    def watched(self: StepBatches, task: str, step: int):
        asked.append((task, step))
        return dealt(self, task, step)

    monkeypatch.setattr(StepBatches, "sequences", watched)
    for task in TASKS:
        assert {one.layer for one in seen.gradients(task, 1).values()} == {1, 2}
    # two stages of 9 steps of 7 and of 2, in batches of 4: 31.5 and 9 of them
    assert asked == [("understand", 32 + 1), ("generate", 9 + 1)]


def test_more_than_half_of_the_sequences_make_no_two_batches(shared_folders, tmp_path: Path):
    config, inputs = cell("shared", shared_folders, tmp_path / "train")
    config.probe = replace(config.probe, gradient_batch=12)
    assert InspectedModel.trained(config, inputs).gradients("generate", 0)
    config.probe = replace(config.probe, gradient_batch=13)
    with pytest.raises(
        ValueError, match=r"gradient_batch must be at most half of the 24 .* got 13"
    ):
        InspectedModel.trained(config, inputs).gradients("generate", 0)


def test_a_curve_has_what_every_kept_token_count_shows_beside_the_end(
    shared_folders, tmp_path: Path
):
    config, inputs = cell("shared", shared_folders, tmp_path / "train")
    kept, end = tmp_path / "train/checkpoints", torch.load(tmp_path / "train/model.pt")
    kept.mkdir()
    for step, tokens in ((10, 700), (20, 1500)):
        (kept / f"step-{step:06d}.json").write_text(json.dumps({"tokens": tokens}))
        weights = {name: one * (step / 20) for name, one in end.items()}
        torch.save(weights, kept / f"step-{step:06d}.pt")
    config.probe = replace(config.probe, curve=True)
    final = rows_of(probes.probe_interaction, (config, inputs), tmp_path / "out")
    by_tokens = read_table(tmp_path / "out/interaction_by_tokens.csv")
    seen = {
        tokens: [{**row, "tokens": ""} for row in where(by_tokens, tokens=tokens)]
        for tokens in ("700", "1500")
    }
    assert len(by_tokens) == 2 * len(final)
    assert seen["1500"] == [{"tokens": "", **row} for row in final]
    assert seen["700"] != seen["1500"]
    assert {one.name for one in (tmp_path / "out").glob("*_by_tokens.csv")} == {
        "interaction_by_tokens.csv",
        "interaction_correlation_by_tokens.csv",
    }


def test_choices_are_those_of_all_tokens_but_pads_and_experts_stand_by_task(
    shared_folders, tmp_path: Path
):
    config, inputs = cell("task_moe", shared_folders, tmp_path / "train")
    model, samples = InspectedModel.trained(config, inputs), probes.world_samples(config, inputs)
    found = model.choices(samples, "generate")
    assert found.group == ("understand",) * 4 + ("generate",) * 4
    assert (found.word != PAD).all()
    assert (found.modality == "image").sum() == 16 * len(samples)
    assert found.experts.shape[1] == len(found.word) == len(found.modality)


def test_a_prompts_state_is_the_last_layers_mean_over_its_words_alone(
    shared_folders, tmp_path: Path
):
    config, inputs = cell("shared", shared_folders, tmp_path / "train")
    model, samples = InspectedModel.trained(config, inputs), probes.world_samples(config, inputs)
    tokens = model.prompts(samples[:1])
    states: list[torch.Tensor] = []
    trunk = model.token_model("understand").trunk
    hook = trunk.layers[-1].register_forward_hook(lambda *given: states.append(given[-1]))
    found = model.states(samples[:1], "understand").prompt
    hook.remove()
    last = states[-1][0] if isinstance(states[-1], tuple) else states[-1]
    words = last[0, 1 : tokens.shape[1]]  # behind the task's token
    assert torch.allclose(torch.from_numpy(found[0]), words.mean(0), atol=1e-5)


def test_samples_are_seen_in_parts_that_leave_none_out():
    assert [len(one) for one in parts(range(130))] == [64, 64, 2]


def test_interaction_has_both_tasks_and_every_head(shared_folders, tmp_path: Path):
    arm = cell("task_moe", shared_folders, tmp_path / "train")
    rows = rows_of(probes.probe_interaction, arm, tmp_path / "out")
    assert len(rows) == 2 * TRUNK.depth * (TRUNK.heads + 1)
    assert all(0 < float(row["mass"]) < 1 for row in rows)
    excess = [float(row["mass"]) - float(row["uniform"]) for row in rows]
    assert [float(row["excess"]) for row in rows] == pytest.approx(excess, abs=1e-5)
    assert len(read_table(tmp_path / "out/interaction_correlation.csv")) == 1


def test_an_arm_of_one_task_says_so_in_a_row(shared_folders, tmp_path: Path):
    one_task = {"train": {"generate_weight": 0.0}}
    arm = cell("shared", shared_folders, tmp_path / "train", **one_task)
    rows = rows_of(probes.probe_interaction, arm, tmp_path / "out")
    assert where(rows, task="generate")[0]["note"] == "this arm is not trained to generate here"
    assert observations(where(rows, task="understand"))
    rows = rows_of(probes.probe_gradients, arm, tmp_path / "out")
    assert [row["note"] for row in rows] == ["this arm does not train one model on both tasks here"]


def test_gradients_are_compared_in_the_layers_that_the_tasks_share(shared_folders, tmp_path: Path):
    fork = cell("unifork", shared_folders, tmp_path / "fork", fork_at=1)
    rows = rows_of(probes.probe_gradients, fork, tmp_path / "out")
    assert {row["layer"] for row in observations(rows)} == {"1", "all"}
    apart = [row for row in rows if row["note"]]
    assert [(row["layer"], row["note"]) for row in apart] == [
        ("2", "the tasks share no matrix of layer 2")
    ]
    halves = where(rows, layer="1", projection="all", pair="understand")
    tasks = where(rows, layer="1", projection="all", pair="tasks")
    assert float(tasks[0]["cosine"]) < float(halves[0]["cosine"])  # one task agrees with itself


def test_routing_is_reported_where_there_are_experts_alone(shared_folders, tmp_path: Path):
    experts = cell("task_moe", shared_folders, tmp_path / "moe")
    rows = rows_of(probes.probe_routing, experts, tmp_path / "out")
    loads = where(rows, task="generate", measure="load", layer="1")
    assert len(loads) == 8
    assert sum(float(row["value"]) for row in loads) == pytest.approx(1, abs=1e-5)
    plain = cell("shared", shared_folders, tmp_path / "shared")
    rows = rows_of(probes.probe_routing, plain, tmp_path / "none")
    assert {row["note"] for row in rows} == {"this arm has no experts in its layers"}
    assert not (tmp_path / "none/routing.svg").exists()


def test_the_bridge_is_seen_where_it_reads_and_not_where_it_draws(shared_folders, tmp_path: Path):
    arm = cell("shared", shared_folders, tmp_path / "frozen")
    config, inputs = arm
    sizes = {"decoder_depth": 1, "connector_depth": 1, "decoder_heads": 2, "queries": 2}
    config.model = architecture("frozen_bridge").config(trunk=TRUNK, **sizes)
    inputs = {**inputs, "frozen": inputs["train"]}
    module = build_module(config, inputs)
    rows = probes.interaction(
        InspectedModel(config, inputs, module), probes.world_samples(config, inputs)
    )["interaction"]
    assert observations(where(rows, task="understand"))
    assert (
        "draws outside the layers that read its prompt" in where(rows, task="generate")[0]["note"]
    )
