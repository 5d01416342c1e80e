"""The step engine: keys, markers, partial folders, locks, disk errors."""

import errno
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments.store.markers import HASHED_BYTES, DamagedError, read_marker
from experiments.store.progress_file import ProgressFile, read_progress
from experiments.store.steps import Identity, Step, StepError, Store, explained_disk_errors

IDENTITY = Identity("train", {"model": {"depth": 4}}, {"data": "data-1"}, "code", 1, "cpu", "2.0")


def step(name: str = "train", resumable: bool = False, **inputs: str) -> Step:
    return Step(name, "0123456789ab", "nowhere:nothing", ("world",), inputs, resumable, "config")


def write_result(config: object, inputs: Mapping[str, Path], out: Path) -> None:
    (out / "result.txt").write_text("whole")


def refuse(config: object, inputs: Mapping[str, Path], out: Path) -> None:
    raise AssertionError("a finished step ran again")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"model": {"depth": 5}}},
        {"inputs": {"data": "data-2"}},
        {"code": "other"},
        {"threads": 2},
        {"device": "cuda"},
        {"name": "stage0"},
        {"torch": "2.1"},
    ],
)
def test_a_key_changes_with_everything_that_the_result_depends_on(change: dict) -> None:
    assert replace(IDENTITY, **change).key != IDENTITY.key
    assert replace(IDENTITY).key == IDENTITY.key


def test_a_finished_step_is_not_run_again(store: Store) -> None:
    folder = store.run(step(), None, write_result)
    assert (folder / "result.txt").read_text() == "whole"
    assert store.run(step(), None, refuse) == folder


def test_a_failed_step_leaves_no_finished_folder(store: Store) -> None:
    def fail(config: object, inputs: Mapping[str, Path], out: Path) -> None:
        (out / "half.txt").write_text("ha")
        raise ValueError("train.loss must be finite, got nan.")

    with pytest.raises(ValueError, match="must be finite"):
        store.run(step(), None, fail)
    assert not store.exists(step().folder)


@pytest.mark.parametrize("resumable", [True, False])
def test_only_a_resumable_step_gets_its_unfinished_folder_back(
    store: Store, resumable: bool
) -> None:
    one = step(resumable=resumable)
    store.partial(one.folder).mkdir(parents=True)
    (store.partial(one.folder) / "checkpoint").write_text("half")
    folder = store.run(one, None, write_result)
    assert (folder / "checkpoint").exists() is resumable


def test_a_resumed_step_has_taken_what_all_its_sittings_took(store: Store) -> None:
    one = step(resumable=True)
    for told in (30.0, 12.0):
        with pytest.raises(KeyboardInterrupt):
            store.run(one, None, interrupted_after(told))
    folder = store.run(one, None, write_result)
    about = read_marker(folder)
    assert about is not None
    assert about["seconds"] == pytest.approx(42.0, abs=2.0)
    assert sorted(path.name for path in folder.iterdir()) == ["DONE", "kept.txt", "result.txt"]


def interrupted_after(seconds: float) -> Callable[..., None]:
    """A step that is stopped after it has last written so many seconds from now."""

    def run(config: object, inputs: Mapping[str, Path], out: Path) -> None:
        written = out / "kept.txt"
        written.touch()
        os.utime(written, times=(time.time() + seconds,) * 2)
        raise KeyboardInterrupt

    return run


def test_progress_is_not_part_of_a_finished_step(store: Store) -> None:
    def report(config: object, inputs: Mapping[str, Path], out: Path) -> None:
        (out / "progress.json").write_text("{}")

    assert not (store.run(step(), None, report) / "progress.json").exists()


def test_a_resumed_step_tells_what_is_left_by_its_pace_since_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((100.0, 110.0, 110.5))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    progress = ProgressFile(tmp_path, steps=100, first=90)
    progress.update(94, {"generate": 0.5}, tokens=500)
    told = {"step": 95, "steps": 100, "losses": {"generate": 0.5}}
    told |= {"seconds_left": 10.0, "tokens_per_second": 50.0}
    assert read_progress(tmp_path) == told
    progress.update(95)  # within a second of the last
    assert read_progress(tmp_path) == told


def test_a_step_without_its_input_says_which(store: Store) -> None:
    with pytest.raises(StepError, match="train must have its input data finished"):
        store.run(step(data="data-1"), None, write_result)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "result.txt").write_text("wh"), "must have 5 bytes, got 2"),
        (lambda folder: (folder / "result.txt").write_text("whOle"), "got other content"),
        (lambda folder: (folder / "result.txt").unlink(), "must exist, got no such file"),
        (lambda folder: (folder / "DONE").write_text('{"st'), "got unreadable text"),
        (lambda folder: (folder / "DONE").write_bytes(b"\xff\xfe"), "got unreadable text"),
        (lambda folder: (folder / "DONE").unlink(), "DONE must exist"),
    ],
)
def test_damage_to_a_finished_step_is_named_and_mended(store: Store, damage, message: str) -> None:
    folder = store.run(step(), None, write_result)
    damage(folder)
    with pytest.raises(DamagedError, match=message):
        read_marker(folder)
    store.sweep([step().folder])
    assert not store.exists(step().folder)
    assert store.run(step(), None, write_result) == folder
    assert store.is_done(step().folder)


def test_a_step_that_was_damaged_since_the_start_is_done_again(store: Store) -> None:
    folder = store.run(step(), None, write_result)
    (folder / "result.txt").write_text("wh")
    assert store.run(step(), None, write_result) == folder
    assert (folder / "result.txt").read_text() == "whole"


def test_damage_inside_a_large_file_is_seen_by_the_step_that_would_read_it(store: Store) -> None:
    def write_large(config: object, inputs: Mapping[str, Path], out: Path) -> None:
        (out / "weights.bin").write_bytes(bytes(HASHED_BYTES + 1))

    made = replace(step(), name="data")
    file = store.run(made, None, write_large) / "weights.bin"
    reads = step(data=made.folder)
    assert store.run(reads, None, write_result).exists()
    file.write_bytes(b"x" + bytes(HASHED_BYTES))
    assert store.is_done(made.folder)
    with pytest.raises(StepError, match=r"weights.bin must have the content .* run again"):
        store.run(replace(reads, key="another"), None, refuse)
    assert not store.exists(made.folder)


def test_an_input_that_another_machine_may_still_be_writing_is_left_alone(store: Store) -> None:
    made = replace(step(), name="data")
    file = store.run(made, None, write_result) / "result.txt"
    file.rename(file.with_suffix(".late"))
    with pytest.raises(StepError, match=r"result.txt must exist, .* the input data of train"):
        store.run(step(data=made.folder), None, refuse)
    file.with_suffix(".late").rename(file)
    assert store.run(step(data=made.folder), None, write_result).exists()


def test_two_processes_that_want_one_step_run_it_once(store: Store) -> None:
    runs = []

    def slow(config: object, inputs: Mapping[str, Path], out: Path) -> None:
        runs.append(1)
        time.sleep(0.2)
        write_result(config, inputs, out)

    threads = [threading.Thread(target=store.run, args=(step(), None, slow)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 1


@pytest.mark.parametrize(
    ("code", "reason"), [(errno.ENOSPC, "a full disk"), (errno.EROFS, "a read-only file system")]
)
def test_a_disk_that_cannot_be_written_gives_one_sentence(code: int, reason: str) -> None:
    with (
        pytest.raises(
            StepError, match=f"runs must be .*got {reason}|runs must have .*got {reason}"
        ),
        explained_disk_errors(Path("runs")),
    ):
        raise OSError(code, "message", "runs/file")


@pytest.mark.parametrize(("free", "raised"), [(0, StepError), (1 << 30, RuntimeError)])
def test_what_torch_says_of_a_full_disk_is_one_sentence_where_the_disk_is_full(
    monkeypatch: pytest.MonkeyPatch, free: int, raised: type[Exception]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    said = "[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598"
    message = "runs must have free space" if raised is StepError else "enforce fail"
    with pytest.raises(raised, match=message), explained_disk_errors(Path("runs")):
        raise RuntimeError(said)


def test_other_errors_of_the_system_pass_unchanged() -> None:
    with pytest.raises(FileNotFoundError), explained_disk_errors(Path("runs")):
        raise FileNotFoundError(errno.ENOENT, "message")


def test_the_marker_tells_seconds_size_and_commit(store: Store) -> None:
    about = json.loads((store.run(step(), None, write_result) / "DONE").read_text())
    assert about["bytes"] == 5
    assert about["seconds"] >= 0
    assert set(about) == {"step", "entry", "seconds", "commit", "bytes", "files"}


def test_a_step_finishes_on_a_machine_without_git(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    about = json.loads((store.run(step(), None, write_result) / "DONE").read_text())
    assert about["commit"] == ""
