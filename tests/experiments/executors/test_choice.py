"""What `--executor` and `--tracking` may say."""

import pytest

from experiments.__main__ import main
from experiments.config import ConfigError
from experiments.executors.choice import open_machines, read_settings
from experiments.executors.local import LocalExecutor
from experiments.executors.slurm import SlurmConfig


def test_without_a_word_the_processes_run_here_and_are_tracked_in_a_file() -> None:
    machines = open_machines("local", "")
    assert isinstance(machines.executor, LocalExecutor)
    assert (machines.track, machines.server) == (True, "")
    untracked = open_machines("local", "none")
    assert (untracked.track, untracked.server) == (False, "")


@pytest.mark.parametrize("name", ["pbs", "pbs:minutes=3", ""])
def test_an_unknown_executor_is_told_which_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match="--executor must be one of local, slurm, ray, got"):
        open_machines(name, "")


def test_settings_of_this_machine_are_refused() -> None:
    with pytest.raises(ConfigError, match="local must stand alone, got the settings 'minutes=3'"):
        open_machines("local:minutes=3", "")


def test_the_command_says_so_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", "--executor", "pbs", "--tracking", "none"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_shared_folder_is_no_place_for_the_default_store() -> None:
    with pytest.raises(ConfigError, match="--tracking must name an MLflow server, or none, with"):
        open_machines("slurm", "")


def test_a_server_that_does_not_answer_is_named_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match=r"that answers, got http://127.0.0.1:9: .*refused"):
        open_machines("local", "http://127.0.0.1:9")


@pytest.mark.parametrize("address", ["http://127.0.0.1:port", "http://127.0.0.1:9 "])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=f"MLflow server that answers, got {address}: "):
        open_machines("local", address)


def test_a_misspelt_kind_of_address_is_told_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match=r"must begin with one of http, .* got 'htp://server'"):
        open_machines("local", "htp://server")
    assert open_machines("local", "sqlite:///runs.db").server == "sqlite:///runs.db"


def test_settings_are_texts_and_whole_numbers_of_known_names() -> None:
    values = read_settings("slurm", "partition=gpu,minutes=60", SlurmConfig)
    assert SlurmConfig(**values) == SlurmConfig(partition="gpu", minutes=60)
    with pytest.raises(
        ConfigError, match=r"setting of slurm must be one of minutes, .* got 'time'"
    ):
        read_settings("slurm", "time=60", SlurmConfig)
    with pytest.raises(ConfigError, match=r"slurm.minutes must be a whole number, got '1.5'"):
        read_settings("slurm", "minutes=1.5", SlurmConfig)
    with pytest.raises(ConfigError, match=r"slurm must read key=value, got 'partition'"):
        read_settings("slurm", "minutes=60,partition", SlurmConfig)
    with pytest.raises(ConfigError, match=r"slurm.minutes must be at least 1, got 0"):
        SlurmConfig(minutes=0)
