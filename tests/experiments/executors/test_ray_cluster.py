"""Units over a simulated Ray cluster, one of whose two nodes is lost half-way."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from experiments.config import ConfigError
from experiments.executors.interface import UnitTask
from experiments.executors.local import LocalExecutor
from experiments.executors.ray_cluster import RayConfig, RayExecutor, RayJob
from experiments.running.ablate import Ablation
from tests.experiments.executors.conftest import tables

pytestmark = pytest.mark.slow
MEMORY = 100 << 20


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that runs nothing; it misses a node that is gone within seconds."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    watchful = {"health_check_period_ms": 500, "health_check_initial_delay_ms": 0}
    head = {"num_cpus": 0, "object_store_memory": MEMORY, "_system_config": watchful}
    cluster = Cluster(initialize_head=True, head_node_args=head)
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
    """An executor over two nodes that takes one away: that of the unit that has come half-way."""

    poll_seconds = 0.2

    def __init__(self, executor: RayExecutor, cluster: Any, signs: Path) -> None:
        self.executor, self.cluster, self.signs = executor, cluster, signs
        self.nodes = [add_node(cluster), add_node(cluster)]

    def start(self, task: UnitTask) -> "WatchedJob":
        return WatchedJob(self.executor.start(task), self.look)

    def look(self) -> None:
        """Reads a process's number where a unit has left one, while both nodes are there."""
        for sign in self.signs.glob("train-*/waiting") if len(self.nodes) == 2 else ():
            if number := sign.read_text():
                above = {one.pid for one in psutil.Process(int(number)).parents()}
                lost = next(node for node in self.nodes if raylet(node) in above)
                self.nodes.remove(lost)
                self.cluster.remove_node(lost, allow_graceful=False)


def raylet(node: Any) -> int:
    """The process below which all of a node's tasks run."""
    return node.all_processes["raylet"][0].process.pid


class WatchedJob:
    def __init__(self, job: RayJob, look: Callable[[], None]) -> None:
        self.job, self.look = job, look
        self.stop, self.wait = job.stop, job.wait

    def poll(self) -> str | None:
        self.look()
        return self.job.poll()


def test_a_run_that_loses_one_of_two_nodes_half_way_has_a_local_runs_leaderboard(
    run_on: Callable[..., Ablation],
    suites: Path,
    tmp_path: Path,
    executor: RayExecutor,
    cluster: Any,
) -> None:
    (suites / "suites/toy/control.yaml").write_text("train: {behaviour: waits}")
    losing = LosesANode(executor, cluster, tmp_path / "elsewhere/steps")
    elsewhere = run_on(losing)
    (left,) = losing.nodes
    cluster.remove_node(left)
    train = elsewhere.plan.cells[0].steps["train"]
    assert (elsewhere.store.path(train) / "starts.txt").read_text() == "0\n5\n"
    (suites / "suites/toy/control.yaml").write_text("{}")
    assert tables(elsewhere) == tables(run_on(LocalExecutor(), "here"))


def test_a_unit_whose_process_dies_is_told_as_it_is_on_one_machine(
    executor: RayExecutor, cluster: Any, tmp_path: Path
) -> None:
    node = add_node(cluster)
    missing = tmp_path / "plan.json"
    job = executor.start(UnitTask(missing, "control, seed 0", tmp_path, tmp_path / "unit.log", 1))
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
    job = executor.start(UnitTask(endless, "control, seed 0", tmp_path, log, 1))
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
