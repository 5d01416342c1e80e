"""Another checkpoint at the same place makes other steps, and only those that read it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from experiments.planning import fingerprints
from experiments.planning.fingerprints import fingerprint, place_of, tensor_starts
from experiments.planning.plan import Plan, Request
from experiments.planning.planner import Project, load_plan
from tests.experiments.fakes import EntryAlone


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of one large tensor between two small ones."""
    place = tmp_path / "published"
    place.mkdir()
    (place / "config.json").write_text("{}")
    write(place)
    return place


def write(place: Path, **changes: torch.Tensor) -> None:
    tensors = {"a": torch.zeros(8), "b": torch.zeros(100_000), "c": torch.zeros(8)}
    save_file({**tensors, **changes}, place / "model.safetensors")


def test_a_file_that_was_trained_on_is_another_one_and_a_copy_is_not(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    folder.rename(copy)
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    write(folder)
    for whole in (fingerprints.WHOLE, 1000):  # read whole, then by the start of every tensor
        monkeypatch.setattr(fingerprints, "WHOLE", whole)
        write(folder)
        before = fingerprint(folder)
        assert before == fingerprint(copy)
        write(folder, c=torch.ones(8))
        assert fingerprint(folder) != before


def test_what_no_model_reads_does_not_count_and_its_config_does(folder: Path) -> None:
    before = fingerprint(folder)
    (folder / "README.md").write_text("no part of it")
    assert fingerprint(folder) == before
    (folder / "config.json").write_text('{"rope_theta": 1}')
    assert fingerprint(folder) != before


def test_the_start_of_every_tensor_is_known_and_a_damaged_file_has_none(folder: Path) -> None:
    path = folder / "model.safetensors"
    head, starts = tensor_starts(path)
    assert [start - head for start in starts] == [0, 32, 32 + 400_000]
    assert path.stat().st_size == head + 400_064
    path.write_bytes(b"\xff" * 3000)
    head, starts = tensor_starts(path)
    assert (head, starts[0], starts[512]) == (0, 0, 1500)


def test_a_hubs_repository_goes_by_its_name_alone() -> None:
    assert place_of("owner/name") == ""


def test_a_package_is_found_where_it_lies() -> None:
    assert place_of("smollm2").endswith("SmolLM2-135M-Instruct.Q4_1.gguf")


class Unread(EntryAlone):
    """Sources that never change."""

    def everything_hash(self) -> str:
        return ""


@pytest.fixture
def planned(folder: Path, tmp_path: Path) -> Callable[..., Plan]:
    """Plans two arms, one of which stands on the checkpoint, and reads the plan a second time."""

    def plan(arms: tuple[str, ...], *overrides: str) -> Plan:
        request = Request("bridge_queries", "smoke", (0,), arms, overrides)
        return load_plan(Project(sources=Unread()), request, tmp_path / "runs")[0]

    return plan


def test_another_checkpoint_at_the_same_place_makes_its_own_steps_anew(
    planned: Callable[..., Plan], folder: Path
) -> None:
    arms, bridged = ("frozen_bridge", "understand_only"), f"model.pretrained={folder}"
    asked = (("frozen_bridge",), bridged, "train.steps=3")
    before = planned(*asked).cells[0].steps
    assert planned(*asked).cells[0].steps == before
    plain = [one.steps for one in planned(arms).cells]
    write(folder, b=torch.ones(100_000))
    after = planned(*asked).cells[0].steps
    moved = {name for name in before if after[name] != before[name]}
    assert {"train", "tune", "generate_geneval"} <= moved
    assert moved.isdisjoint({"tokenizer", "data", "stage0", "judge", "brackets"})
    assert [one.steps for one in planned(arms).cells] == plain
