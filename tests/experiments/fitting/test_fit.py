"""A run that is killed and resumed ends bit for bit where an uninterrupted one does."""

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from datamodules.sequences import PromptDrop, SequenceData, indices
from experiments.fitting.fit import Recorder, Spent, fit
from experiments.fitting.resuming import RESUME, put_in_place, resume_point
from experiments.fitting.run_files import open_metrics
from experiments.store.markers import write_text
from models.batch import check
from models.remedies import COMBINERS
from models.text_tokens import DROP
from tests.experiments.fitting.tiny_training import STEPS, TRAIN, data, module


class Killer(SequenceData):
    """Ends its process without a word when step `killed_at` asks for its batch."""

    killed_at: int

    def batches(self, first: int):
        batches = super().batches(first)
        deal = batches.sequences

        def deadly(task: str, step: int):
            if step == self.killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return deal(task, step)

        batches.sequences = deadly
        return batches


def run(out: Path) -> None:
    torch.set_num_threads(1)
    fit(module(), data(), out)


def run_until(out: Path, killed_at: int) -> None:
    torch.set_num_threads(1)
    deadly = data(Killer)
    deadly.killed_at = killed_at
    fit(module(), deadly, out)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("killed_at", [5, 13])
def test_a_killed_run_resumes_to_the_very_weights_and_metrics_of_an_uninterrupted_one(
    tmp_path: Path, killed_at: int
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    run(whole)
    process = multiprocessing.get_context("spawn").Process(target=run_until, args=(cut, killed_at))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert (cut / "resume.ckpt").exists()
    assert not (cut / "model.pt").exists()
    run(cut)
    assert not (cut / "resume.ckpt").exists()
    first, second = (torch.load(folder / "model.pt") for folder in (whole, cut))
    assert list(first) == list(second)
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    assert (whole / "metrics.jsonl").read_text() == (cut / "metrics.jsonl").read_text()
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in (whole, cut)]
    for key in ("tokens", "sequences", "flops", "steps", "parameters"):
        assert summaries[0][key] == summaries[1][key]


def test_a_damaged_resume_point_is_as_good_as_none(tmp_path: Path) -> None:
    resume = tmp_path / RESUME
    assert resume_point(tmp_path) is None
    torch.save({"weights": torch.arange(1000.0)}, resume)
    assert resume_point(tmp_path) == str(resume)
    content = resume.read_bytes()
    middle = len(content) // 2
    for damaged in (b"noise", content[:middle], content[:middle] + b"?" + content[middle + 1 :]):
        resume.write_bytes(damaged)
        assert resume_point(tmp_path) is None


def test_a_sharded_resume_point_is_whole_whenever_the_run_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, resume = tmp_path / "writing", tmp_path / RESUME
    write_text(resume / "shard", "first")
    write_text(writing / "shard", "second")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(SystemExit):
            put_in_place(writing, resume)
    assert (resume / "shard").read_text() == "second"
    with monkeypatch.context() as patch:  # the second rename is what never happens
        write_text(writing / "shard", "third")
        patch.setattr(Path, "replace", killed_at(resume, Path.replace))
        with pytest.raises(SystemExit):
            put_in_place(writing, resume)
    assert resume_point(tmp_path) == str(resume)
    assert (resume / "shard").read_text() == "second"
    put_in_place(writing, resume)
    assert (resume / "shard").read_text() == "third"
    assert [path.name for path in tmp_path.iterdir()] == [RESUME]


def killed(*arguments: object) -> None:
    raise SystemExit


def killed_at(target: Path, replace: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
    """`Path.replace` that is killed as it gives a path the name `target`."""
    return lambda path, new: killed() if new == target else replace(path, new)


def test_metrics_before_a_resume_point_are_kept_whenever_the_run_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lines = tmp_path / "metrics.jsonl", '{"step": 1}\n{"step": 2}\n'
    path.write_text(lines)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(SystemExit):
            open_metrics(path, 1)
    assert path.read_text() == lines
    open_metrics(path, 1).close()
    assert path.read_text() == '{"step": 1}\n'


def test_what_fails_before_training_is_not_hidden_by_the_recorder(tmp_path: Path) -> None:
    class Gone(SequenceData):
        def train_dataloader(self) -> DataLoader:
            raise FileNotFoundError("understand.tokens.npy")

    with pytest.raises(FileNotFoundError, match=r"understand\.tokens\.npy"):
        fit(module(), data(Gone), tmp_path)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(tmp_path: Path) -> None:
    broken = module()
    broken.model.text_head.weight.data[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"loss must stay finite, got .* at step 0, batch 0"):
        fit(broken, data(), tmp_path)


def test_the_peak_memory_is_the_devices_where_one_trains_and_else_the_processs(
    tmp_path: Path,
) -> None:
    recorder = Recorder(tmp_path, module(), 1, Spent(0, 0))
    assert recorder.summary()["peak_bytes"] > 1 << 20
    recorder.peak_device_bytes = 7
    assert recorder.summary()["peak_bytes"] == 7


def test_summary_counts_tokens_without_pads_and_parameters_once(tmp_path: Path) -> None:
    dealt = data()
    one = module()
    fit(one, dealt, tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    batches = [dealt.batches(0)[step] for step in range(STEPS)]
    assert summary["tokens"] == sum(
        int((s["tokens"] != 0).sum()) for batch in batches for s in batch.values()
    )
    assert summary["sequences"] == {"understand": 4 * STEPS, "generate": 4 * STEPS}
    total = sum(p.numel() for p in one.parameters())
    heads = {"understand": one.model.image_head, "generate": one.model.text_head}
    assert summary["parameters"]["total"] == total
    for task, unused in heads.items():
        active = total - sum(p.numel() for p in unused.parameters())
        assert summary["parameters"][f"active_{task}"] == active


def test_the_data_module_deals_what_the_models_declare() -> None:
    batch = data().batches(0)[3]
    check(batch)
    assert set(batch) == {"understand", "generate"}
    broken = {"generate": {**batch["generate"], "tokens": batch["generate"]["tokens"].float()}}
    with pytest.raises(ValueError, match=r"batch\.generate\.tokens must be torch\.int64"):
        check(broken)


def test_batches_are_a_function_of_the_step_and_deal_every_sequence_once_an_epoch() -> None:
    dealt, again = data().batches(0), data().batches(7)
    assert torch.equal(dealt[7]["generate"]["tokens"], again[0]["generate"]["tokens"])
    seen = [index for step in range(6) for index in indices(0, "generate", step, 4, 24)]
    assert sorted(seen) == list(range(24))
    assert [*indices(0, "generate", 6, 4, 24)] != seen[:4]


def test_a_dropped_prompt_leaves_its_image_and_nothing_else() -> None:
    tokens, predicted = np.array([2, 8, 9, 10, 4, 30, 31]), np.array([False] * 5 + [True] * 2)
    kept, targets = PromptDrop(1.0, DROP).apply(tokens, predicted)
    assert kept.tolist() == [2, DROP, 4, 30, 31]
    assert targets.tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("combine", COMBINERS)
def test_a_run_ends_whichever_way_the_tasks_objectives_become_one(
    combine: str, tmp_path: Path
) -> None:
    """Counting its FLOPs is what projected gradients once died of."""
    fit(module(replace(TRAIN, combine=combine, steps=2)), data(), tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text())["flops_per_step"] > 0
    before, after = module().state_dict(), torch.load(tmp_path / "model.pt")
    assert any(not torch.equal(before[name], after[name]) for name in before)
