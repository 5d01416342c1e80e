"""What a run on other machines rests on: one folder that all see, and one MLflow server."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from experiments.executors.choice import Machines
from experiments.executors.interface import Job, UnitTask
from experiments.executors.local import LocalExecutor
from experiments.running import scheduler
from experiments.running.ablate import Ablation
from experiments.tracking.dashboard import server, wait_until_healthy


class NowhereToBeSeen:
    """An executor whose jobs end well and leave nothing here, and the jobs themselves."""

    poll_seconds = 0.0

    def start(self, task: UnitTask) -> Job:
        return self

    def poll(self) -> str | None:
        return ""

    def stop(self) -> None: ...

    def wait(self) -> None: ...


def test_units_whose_files_never_show_fail_and_name_the_folder(
    ablation: Callable[..., Ablation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "SECONDS_TO_APPEAR", 0.0)
    run = ablation(arms=("control",))
    assert run.run(jobs=1, machines=Machines(NowhereToBeSeen(), track=False)) == 1
    printed = run.console.file.getvalue()
    assert f"artifacts failed (0:00): {run.runs} must be seen by every machine" in printed


@pytest.fixture
def address(tmp_path: Path) -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.slow
def test_a_run_that_is_tracked_by_a_server_leaves_no_database_in_its_folder(
    ablation: Callable[..., Ablation], address: str, tmp_path: Path
) -> None:
    store = ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--workers", "1"]
    files = ["--artifacts-destination", str(tmp_path / "artifacts")]
    place = ["--host", "127.0.0.1", "--port", address.rpartition(":")[2]]
    with server([sys.executable, "-m", "mlflow", "server", *store, *files, *place]) as process:
        assert wait_until_healthy(address, process)
        run = ablation(arms=("control",))
        assert run.run(jobs=2, machines=Machines(LocalExecutor(), server=address)) == 0
        client = mlflow.MlflowClient(address)
        (experiment,) = client.search_experiments(filter_string="name = 'toy'")
        cell, parent = client.search_runs([experiment.experiment_id])
        assert {cell.info.status, parent.info.status} == {"FINISHED"}
        assert cell.data.metrics["cost/train_flops"] == 1e12
        assert "report.html" in {one.path for one in client.list_artifacts(parent.info.run_id)}
        process.terminate()
    assert [*(tmp_path / "artifacts").rglob("report.html")]
    assert not [*run.runs.glob("mlflow*.db"), *run.runs.glob("mlflow/*")]
    assert cell.info.run_id in (run.folder / "leaderboard_long.csv").read_text()
