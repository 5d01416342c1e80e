"""The command line: help without torch, a whole run, and errors in one line."""

import subprocess
import sys

import pytest

from benchmarks import registry
from benchmarks.__main__ import main
from benchmarks.results import Results
from benchmarks.world import PromptConfig, write_prompts
from datamodules.world import World, WorldConfig


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prompts")
    config = PromptConfig(geneval_per_tag=2, dpg_items=2, mjhq_images=4, vqa_per_kind=3)
    write_prompts(World(WorldConfig(classes=4, colours=4)), config, folder)
    return folder


def test_help_and_vocabulary_come_without_torch():
    modules = ["__main__", "world_commands", "geneval.command", "dpg.command", "wise.commands"]
    modules += ["coco_fid.command", "commonsense_t2i.command", "dreambench.command"]
    modules += ["mjhq_fid.commands", "vqa.mm_vet", "vqa.mmmu", "compare", "exchange_command"]
    imports = "; ".join(f"import benchmarks.{module}" for module in modules)
    code = f"import sys; {imports}; print('torch' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.stdout == "False\n", finished.stderr


@pytest.mark.parametrize("name", ["geneval", "dpg", "wise", "vqa"])
def test_a_run_writes_results_and_prints_its_metrics(name, folder, tmp_path, capsys):
    arguments = ["world", "run", name, "--prompts", str(folder), "--out", str(tmp_path)]
    assert main(arguments) == 0
    results = Results.read(tmp_path)
    overall = next(metric for metric in results.metrics if metric.startswith(f"{name}.overall@"))
    assert results.metrics[overall].value > 0.8  # the ceiling, by a judge of pixels
    assert overall in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["world", "score", "wise", "--records", "none"],
            "none/records.jsonl must lie beside the manifest",
        ),
        (["world", "judge", "wise", "--images", "none"], "images must be complete"),
        (
            ["world", "judge", "wise", "--images", "none", "--judge", "oracle"],
            "--judge must be template or",
        ),
        (["world", "judge", "vqa", "--images", "none"], "judge must have images to look at"),
    ],
)
def test_bad_input_is_one_line_and_status_two(arguments, message, folder, tmp_path, capsys):
    assert main([*arguments, "--prompts", str(folder), "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", list(registry.BENCHMARKS))
@pytest.mark.parametrize("verb", list(registry.VERBS))
def test_every_step_of_the_table_has_its_flags_or_says_that_there_is_none(name, verb, capsys):
    with pytest.raises(SystemExit) as left:
        main([verb, name, "--help"])
    printed = capsys.readouterr()
    flags = registry.load(registry.BENCHMARKS[name]).arguments(verb)
    assert left.value.code == (0 if flags else 2)
    assert all(names[0] in printed.out for names, _ in flags)
    assert flags or f"there is no step '{verb}'" in printed.err


def test_the_flags_of_other_benchmarks_are_not_loaded():
    code = (
        "import sys; from benchmarks.__main__ import parse\n"
        "parse(['score', 'dpg', '--records', 'r', '--questions', 'q'])\n"
        "print('benchmarks.geneval.command' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.stdout == "False\n", finished.stderr


@pytest.mark.parametrize(
    ("setting", "message"),
    [("clases=9", "must be FIELD=NUMBER of classes"), ("classes=99", r"must lie in [4, 24]")],
)
def test_a_wrong_world_is_refused(setting, message, tmp_path, capsys):
    assert main(["world", "prompts", "--world", setting, "--out", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
