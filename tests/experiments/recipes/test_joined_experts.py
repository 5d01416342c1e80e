"""Experts that come from two cells: whose weights each has, and what both have cost."""

from pathlib import Path

import pytest
import torch

from experiments.build import text_module
from experiments.fitting.fit import Spent, save_weights
from experiments.recipes.joined_experts import joined
from experiments.store.markers import write_json
from models.context import TrunkConfig
from models.task_moe import TaskMoEConfig
from models.tokenizers.kinds import load_codec
from tests.experiments.builders import cell_folders, tiny_config

TRUNK = TrunkConfig(depth=1, width=16, heads=2, kv_heads=2, feed_forward=24)
MODEL = TaskMoEConfig(trunk=TRUNK, experts=2, top_k=1)
CONFIG = tiny_config(model=MODEL)
FEED_FORWARD = "model.trunk.layers.0.feed_forward"


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    """A cell of each task, 12 wide in each half of the feed-forward; their start had cost 10."""
    folders = cell_folders(CONFIG, tmp_path, "stage0", "understand", "generate")
    codec = load_codec(folders["tokenizer"])
    for seed, (task, flops) in enumerate((("understand", 13), ("generate", 15))):
        module = text_module(tiny_config(model=MODEL, seed=seed), codec)
        save_weights(module.state_dict(), folders[task] / "model.pt")
        spent = {"flops": flops, "flops_before": 10, "tokens": 2 * flops, "tokens_before": 20}
        write_json(folders[task] / "summary.json", spent)
    return folders


def test_a_groups_experts_come_from_its_own_tasks_cell_and_all_else_from_understanding(
    inputs: dict[str, Path],
) -> None:
    found = joined(CONFIG, inputs).state_dict()
    told, drawn = (
        torch.load(inputs[task] / "model.pt", weights_only=True)
        for task in ("understand", "generate")
    )
    gate = f"{FEED_FORWARD}.gate.weight"
    for index, cell in enumerate((told, told, drawn, drawn)):
        expert = found[f"{FEED_FORWARD}.experts.{index}.gate.weight"]
        assert torch.equal(expert, cell[gate][12:]), index  # the first half is the shared expert's
    assert torch.equal(found[f"{FEED_FORWARD}.shared.gate.weight"], told[gate][:12])
    for name in ("model.text_head.weight", "model.trunk.layers.0.attention.query.weight"):
        assert torch.equal(found[name], told[name])
        assert not torch.equal(found[name], drawn[name])


def test_the_common_start_of_both_cells_counts_once(inputs: dict[str, Path]) -> None:
    assert Spent.of_both(inputs) == Spent(flops=13 + 15 - 10, tokens=26 + 30 - 20)
