"""Units over a simulated Ray cluster, one of whose two nodes is lost half-way."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.ablate import Ablation
from experiments.config import ConfigError
from experiments.executors.interface import Task
from experiments.executors.local import LocalExecutor
from experiments.executors.ray_cluster import RayConfig, RayExecutor, RayJob
from tests.experiments.executors.conftest import tables

pytestmark = pytest.mark.slow
MEMORY = 100 << 20


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that runs nothing, and a node that runs one task at a time."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": MEMORY}
    )
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def executor(cluster: Any) -> Iterator[RayExecutor]:
    import ray

    yield RayExecutor(RayConfig(address=cluster.address, retries=1))
    ray.shutdown()


def add_node(cluster: Any) -> Any:
    return cluster.add_node(num_cpus=1, object_store_memory=MEMORY)


class LosesANode:
    """Takes the only node away once a unit has come far enough, and adds another."""

    def __init__(self, executor: RayExecutor, cluster: Any, sign: Callable[[], bool]) -> None:
        self.executor, self.cluster, self.sign = executor, cluster, sign
        self.node = add_node(cluster)
        self.lost = False

    def start(self, task: Task) -> "LosingJob":
        return LosingJob(self.executor.start(task), self)

    def tick(self) -> None:
        if not self.lost and self.sign():
            self.cluster.remove_node(self.node, allow_graceful=False)
            self.node, self.lost = add_node(self.cluster), True


class LosingJob:
    def __init__(self, job: RayJob, cluster: LosesANode) -> None:
        self.job, self.cluster = job, cluster
        self.stop, self.wait = job.stop, job.wait

    def poll(self) -> str | None:
        self.cluster.tick()
        return self.job.poll()


def test_a_run_that_loses_a_node_half_way_has_a_local_runs_leaderboard(
    run_on: Callable[..., Ablation],
    suites: Path,
    tmp_path: Path,
    executor: RayExecutor,
    cluster: Any,
) -> None:
    (suites / "suites/toy/control.yaml").write_text("train: {behaviour: waits}")
    steps = tmp_path / "elsewhere/steps"
    losing = LosesANode(executor, cluster, lambda: bool([*steps.glob("train-*/waiting")]))
    elsewhere = run_on(losing)
    cluster.remove_node(losing.node)
    assert losing.lost
    train = elsewhere.plan.cells[0].steps["train"]
    assert (elsewhere.store.path(train) / "starts.txt").read_text() == "0\n5\n"
    (suites / "suites/toy/control.yaml").write_text("{}")
    assert tables(elsewhere) == tables(run_on(LocalExecutor(), "here"))


def test_a_unit_whose_process_dies_is_told_as_it_is_on_one_machine(
    executor: RayExecutor, cluster: Any, tmp_path: Path
) -> None:
    node = add_node(cluster)
    missing = tmp_path / "plan.json"
    job = executor.start(Task(missing, "control, seed 0", tmp_path, tmp_path / "unit.log", 1))
    wait_for(lambda: job.poll() is not None)
    cluster.remove_node(node)
    assert job.poll() == "the process ended with exit status 1"
    assert "FileNotFoundError" in (tmp_path / "unit.log").read_text()


def test_a_unit_whose_retries_are_spent_says_that_the_cluster_lost_it(
    cluster: Any, tmp_path: Path
) -> None:
    import ray

    node = add_node(cluster)
    endless = tmp_path / "plan.json"
    os.mkfifo(endless)  # whoever reads it waits for somebody to write
    log = tmp_path / "unit.log"
    executor = RayExecutor(RayConfig(address=cluster.address, retries=0))
    job = executor.start(Task(endless, "control, seed 0", tmp_path, log, 1))
    wait_for(log.exists)
    assert job.poll() is None
    cluster.remove_node(node, allow_graceful=False)
    wait_for(lambda: job.poll() is not None)
    how = job.poll()
    ray.shutdown()
    assert how is not None
    assert how.startswith("the cluster lost it, 0 retries included (")


def wait_for(happened: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def test_a_cluster_that_is_not_there_is_named() -> None:
    missing = "--executor ray must find a cluster at 127.0.0.1:9: Connection refused."
    with pytest.raises(ConfigError, match=missing):
        RayExecutor(RayConfig(address="127.0.0.1:9"))
    with pytest.raises(ConfigError, match=r"ray.address must read HOST:PORT, got 'head:'"):
        RayExecutor(RayConfig(address="head:"))
