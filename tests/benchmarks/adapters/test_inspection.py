"""Public models seen from inside: tiny checkpoints in their real formats."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.adapters.inspection import attention_keeping
from benchmarks.images import write_image
from benchmarks.probes.protocol import NotApplicableError, Sample
from benchmarks.probes.tables import read_table
from benchmarks.protocol import Request
from benchmarks.records import read_json, write_lines
from benchmarks.registry import open_model
from tests.benchmarks.adapters.tiny_chameleon import save_chameleon
from tests.benchmarks.adapters.tiny_models import save_emu3, save_janus, save_qwen2_vl
from tests.benchmarks.judges.tiny import save_vision_language

FAMILIES = {
    "llava": save_vision_language,
    "janus": save_janus,
    "emu3": save_emu3,
    "qwen2_vl": save_qwen2_vl,
    "chameleon": save_chameleon,
}
PICTURE = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
SAMPLE = Sample(PICTURE, "a dog", "single_object", "a dog a", "a dog")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("hf")
    return {name: save(root / f"tiny-{name}") for name, save in FAMILIES.items()}


@pytest.fixture(scope="module")
def adapters(checkpoints: dict[str, Path]) -> dict:
    return {name: open_model(f"hf:{folder}?max_tokens=3") for name, folder in checkpoints.items()}


CASES = [
    ("llava", "understand"),
    ("qwen2_vl", "understand"),
    ("chameleon", "understand"),
    ("janus", "understand"),
    ("janus", "generate"),
    ("emu3", "understand"),
    ("emu3", "generate"),
]


@pytest.mark.parametrize(("family", "task"), CASES)
def test_states_and_masses_are_those_of_the_models_own_maps(adapters, family: str, task):
    adapter = adapters[family]
    passage = adapter.passage(SAMPLE, task)
    model = adapter.reader.model
    seen = adapter.inspected().look(passage)
    before = model.get_decoder().config._attn_implementation
    model.set_attn_implementation("eager")
    with torch.no_grad():
        whole = model.model(**passage.inputs, output_hidden_states=True, output_attentions=True)
    model.set_attn_implementation(before)
    maps = whole.attentions[0][0]
    expected = maps[:, passage.queries][..., passage.keys].sum(-1).mean(-1)
    torch.testing.assert_close(seen.masses[0], expected, atol=1e-5, rtol=1e-4)
    assert passage.queries.any()
    assert passage.keys.any()
    made: list[torch.Tensor] = []
    hook = model.get_decoder().layers[-1].register_forward_hook(lambda m, i, out: made.append(out))
    with torch.no_grad():
        model.model(**passage.inputs)
    hook.remove()
    states = made[0][0] if isinstance(made[0], tuple) else made[0]
    torch.testing.assert_close(
        seen.image[0], states[0, passage.image].mean(0), atol=1e-5, rtol=1e-4
    )


def test_drawing_asks_from_the_picture_and_answering_asks_from_the_answer(adapters):
    for family in ("janus", "emu3"):
        passage = adapters[family].passage(SAMPLE, "generate")
        places = passage.image.nonzero()[:, 0]
        assert passage.queries.nonzero()[:, 0].tolist() == places[:-1].tolist()
        words = passage.words.nonzero()[:, 0]
        assert len(words) >= 2
        assert words.max() < places.min()
        assert torch.equal(passage.keys, passage.words)
    passage = adapters["llava"].passage(SAMPLE, "understand")
    length = passage.inputs["input_ids"].shape[1]
    assert passage.inputs["attention_mask"].shape == (1, length)
    assert passage.queries.nonzero()[:, 0].tolist() == [length - 3, length - 2]  # two words
    assert torch.equal(passage.keys, passage.image)
    assert int(passage.image.sum()) == 4  # 2 x 2 patches


def test_a_watch_leaves_the_model_as_it_was(adapters):
    adapter = adapters["llava"]
    model = adapter.reader.model
    asked = [Request("is there a dog", (PICTURE,))]
    before = adapter.answer(asked)
    decoder = model.get_decoder()
    implementation = decoder.config._attn_implementation
    hooks = [len(layer._forward_hooks) for layer in decoder.layers]  # transformers has its own
    adapter.inspected().masses([SAMPLE], "understand")
    assert adapter.answer(asked) == before
    assert decoder.config._attn_implementation == implementation
    assert [len(layer._forward_hooks) for layer in decoder.layers] == hooks


def test_a_hand_built_attention_gives_a_known_mass_to_every_head(adapters):
    passage = adapters["llava"].passage(SAMPLE, "understand")
    seen = type(adapters["llava"].inspected().look(passage))()
    count = len(passage.keys)
    query = torch.zeros(1, 2, count, 4)  # looks everywhere alike
    mask = torch.full((count, count), float("-inf")).triu(1)[None, None]
    module = torch.nn.Module()
    module.layer_idx, module.is_causal, module.num_key_value_groups = 3, True, 1
    attention_keeping(seen, passage)(module, query, query, query, mask, scaling=0.5)
    rows = passage.queries.nonzero()[:, 0] + 1
    expected = (int(passage.keys.sum()) / rows).mean()
    assert seen.masses[3].tolist() == [pytest.approx(float(expected))] * 2


def test_what_a_public_model_lacks_is_said(adapters):
    model = adapters["llava"].inspected()
    with pytest.raises(NotApplicableError, match="tiny-llava does not draw"):
        model.states([SAMPLE], "generate")
    with pytest.raises(NotApplicableError, match="has no experts"):
        model.choices([SAMPLE], "understand")
    with pytest.raises(NotApplicableError, match="without the data"):
        model.gradients("understand", 0)


def pictures(folder: Path) -> Path:
    """Twelve prompts of two tags in GenEval's layout."""
    random = np.random.default_rng(1)
    for number in range(12):
        tag = ("single_object", "colors")[number % 2]
        place = folder / f"{number:05d}"
        image = random.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        write_image(place / "samples" / "0000.png", image)
        asked = [{"class": "dog", "count": number}]
        prompt = " ".join(["a"] * (1 + number // 4) + ["dog"] * (1 + number % 4))
        write_lines(place / "metadata.jsonl", [{"tag": tag, "include": asked, "prompt": prompt}])
    return folder


def command(probe: str, checkpoint: Path, tmp_path: Path) -> list[str]:
    words = ["probe", probe, "--model", f"hf:{checkpoint}", "--neighbours", "2"]
    images = pictures(tmp_path / "images")
    return [*words, "--images", str(images), "--out", str(tmp_path / "out")]


def test_alignment_runs_from_the_command_line(checkpoints, tmp_path, capsys):
    assert main(command("alignment", checkpoints["janus"], tmp_path)) == 0
    rows = read_table(tmp_path / "out/alignment.csv")
    assert {row["task"] for row in rows} == {"understand", "generate"}
    assert {row["samples"] for row in rows} == {"12"}
    assert {row["untrained"] for row in rows} == {""}
    assert (tmp_path / "out/alignment.svg").is_file()
    assert read_json(tmp_path / "out/manifest.json")["model"]["model"] == "tiny-janus"


def test_interaction_of_a_model_that_only_answers_says_so(checkpoints, tmp_path, capsys):
    assert main(command("interaction", checkpoints["llava"], tmp_path)) == 0
    assert "does not apply: tiny-llava does not draw" in capsys.readouterr().out
    rows = read_table(tmp_path / "out/interaction.csv")
    assert [row["note"] for row in rows if row["task"] == "generate"] == [
        "tiny-llava does not draw"
    ]


def test_a_probe_that_a_model_has_nothing_for_is_one_clear_error(checkpoints, tmp_path, capsys):
    assert main(command("routing", checkpoints["llava"], tmp_path)) == 2
    error = capsys.readouterr().err
    assert "routing must be asked of a model that has it, got: tiny-llava has no experts" in error
    words = command("alignment", checkpoints["llava"], tmp_path / "many")
    words[words.index("--neighbours") + 1] = "12"
    assert main(words) == 2
    assert "k must be below the number of samples, 12, got 12" in capsys.readouterr().err
