"""Public models that draw, from tiny checkpoints in their real formats."""

import numpy as np
import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.abilities import OpposedRequest, require_negatives, require_pictures
from benchmarks.protocol import Request
from benchmarks.records import read_json, write_lines
from benchmarks.registry import open_model
from tests.benchmarks.adapters.tiny_models import (
    EMU3_SIDE,
    JANUS_SIDE,
    SIDE,
    save_emu3,
    save_janus,
    save_pipeline,
)

REQUESTS = [Request("a dog", seed=3), Request("a cat", seed=4), Request("a dog", seed=4)]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    folder = save_pipeline(tmp_path_factory.mktemp("diffusers") / "tiny-sd")
    return f"diffusers:{folder}?num_inference_steps=2"


@pytest.fixture(scope="module")
def janus(tmp_path_factory):
    return f"hf:{save_janus(tmp_path_factory.mktemp('hf') / 'tiny-janus')}?max_tokens=3"


def require_seeded(model, side):
    """Assert that an image depends on its text and seed, and not on those beside it."""
    images = model.generate(REQUESTS)
    assert [image.shape for image in images] == [(side, side, 3)] * 3
    assert all(image.dtype == np.uint8 for image in images)
    alone = model.generate(REQUESTS[1:2])[0]
    assert np.abs(images[1].astype(int) - alone).max() <= 1  # sums in another order
    other = model.generate([Request("a cat", seed=5)])[0]
    assert np.abs(other.astype(int) - alone).max() > 1
    stream = [Request("a cat", seed=4, draw=number) for number in range(2)]
    first, second = model.generate(stream)
    assert np.abs(first.astype(int) - alone).max() <= 1
    assert np.abs(second.astype(int) - alone).max() > 1
    late = model.generate([*REQUESTS[:1], stream[1]])[1]
    assert np.abs(second.astype(int) - late).max() <= 1


def test_a_pipeline_draws_by_its_own_defaults_and_the_settings_given(pipeline):
    model = open_model(pipeline)
    require_seeded(model, SIDE)
    assert model.protocol["pipeline"] == "StableDiffusionPipeline"
    assert model.protocol["scheduler"] == "DDIMScheduler"
    assert model.protocol["num_inference_steps"] == 2
    assert model.protocol["guidance_scale"] == 7.5  # the pipeline's own
    assert str(model.protocol["revision"]).startswith("sha256 ")
    with pytest.raises(ValueError, match="a model that answers must be asked"):
        model.answer(REQUESTS)


def test_the_official_seeds_give_the_images_of_the_official_loop(pipeline):
    model = open_model(pipeline)
    expected = []
    for text in ("a dog", "a cat"):
        torch.manual_seed(42)  # anew before every prompt; then image by image, no generator given
        for _ in range(2):
            made = model.pipeline(text, num_inference_steps=2, output_type="np").images[0]
            expected.append((made * 255).round().astype(np.uint8))
    requests = [Request(text, seed=42, draw=n) for text in ("a dog", "a cat") for n in range(2)]
    found = model.generate(requests)
    assert np.abs(np.array(found).astype(int) - np.array(expected)).max() <= 1
    assert np.abs(found[0].astype(int) - found[1]).max() > 1
    alone = model.generate(requests[1:2])[0]  # the second, the first let go
    assert np.abs(alone.astype(int) - found[1]).max() <= 1


def test_a_setting_that_a_pipeline_has_not_is_refused(pipeline):
    with pytest.raises(ValueError, match=r"must be one of num_inference_steps.*got 'steps'"):
        open_model(pipeline.replace("num_inference_steps", "steps"))
    with pytest.raises(ValueError, match="num_inference_steps must be a number, got 'two'"):
        open_model(pipeline.replace("=2", "=two"))


def test_a_pipeline_draws_away_from_a_negative_prompt(pipeline):
    model = open_model(pipeline)
    require_negatives(model, "a test")
    opposed = OpposedRequest("a dog", seed=3, negative="a cat")
    plain, away, empty = model.generate([REQUESTS[0], opposed, OpposedRequest("a dog", seed=3)])
    generator = torch.Generator().manual_seed(3)
    settings = {"negative_prompt": "a cat", "num_inference_steps": 2, "output_type": "np"}
    theirs = model.pipeline("a dog", generator=generator, **settings).images[0]
    assert np.abs(away.astype(int) - (theirs * 255).round()).max() <= 1
    assert np.abs(away.astype(int) - plain).max() > 1
    assert np.abs(empty.astype(int) - plain).max() <= 1


def test_models_that_draw_from_text_alone_are_refused_pictures_by_name(pipeline, janus):
    for name, kind in ((pipeline, "tiny-sd"), (janus, "tiny-janus")):
        with pytest.raises(ValueError, match=f"draw from images .* for dreambench, got {kind}, w"):
            require_pictures(open_model(name), "dreambench")
    with pytest.raises(ValueError, match="take negative prompts for a test, got tiny-janus"):
        require_negatives(open_model(janus), "a test")
    with pytest.raises(ValueError, match="take negative prompts for a test, got tiny-sd"):
        require_negatives(open_model(f"{pipeline}&guidance_scale=1"), "a test")


def test_geneval_is_drawn_by_a_pipeline_and_not_twice(pipeline, tmp_path):
    prompt = {
        "tag": "single_object",
        "include": [{"class": "dog", "count": 1}],
        "prompt": "a photo of a dog",
    }
    write_lines(tmp_path / "prompts.jsonl", [prompt])
    words = ["generate", "geneval", "--model", pipeline]
    words += ["--prompts", str(tmp_path / "prompts.jsonl"), "--out", str(tmp_path / "out")]
    assert main([*words, "--images-per-prompt", "2"]) == 0
    images = sorted((tmp_path / "out").rglob("*.png"))
    assert len(images) == 2
    before = [path.stat().st_mtime_ns for path in images]
    assert main([*words, "--images-per-prompt", "2"]) == 0
    assert [path.stat().st_mtime_ns for path in images] == before
    manifest = read_json(tmp_path / "out/manifest.json")
    assert manifest["model"]["precision"] == "float32"
    assert manifest["seeds"].startswith("42 anew before every prompt")


def test_janus_draws_and_answers(janus):
    model = open_model(janus)
    require_seeded(model, JANUS_SIDE)
    assert model.protocol["guidance"] == 5.0
    assert model.protocol["max_tokens"] == 3
    grey = np.full((9, 7, 3), 99, np.uint8)
    replies = model.answer([Request("a dog", (grey,)), Request("a")])
    assert all(isinstance(reply, str) for reply in replies)


def test_emu3_draws_rows_of_visual_tokens_and_answers(tmp_path):
    folder = save_emu3(tmp_path / "tiny-emu3")
    model = open_model(f"hf:{folder}?max_tokens=3&image_area={EMU3_SIDE**2}")
    require_seeded(model, EMU3_SIDE)
    assert model.protocol["guidance"] == 3.0
    require_negatives(model, "a test")
    guided = open_model(f"hf:{folder}?image_area={EMU3_SIDE**2}&guidance=100000")
    plain, away = guided.generate([REQUESTS[0], OpposedRequest("a dog", seed=3, negative="a cat")])
    assert (plain != away).any()
    grey = np.full((16, 16, 3), 99, np.uint8)
    replies = model.answer([Request("a dog", (grey,)), Request("a")])
    assert all(isinstance(reply, str) for reply in replies)


def test_guidance_moves_a_drawing(janus):
    plain = open_model(f"{janus}&guidance=1").generate(REQUESTS[:1])[0]
    guided = open_model(f"{janus}&guidance=100000").generate(REQUESTS[:1])[0]
    assert (plain != guided).any()


@pytest.mark.parametrize("scheme", ["diffusers", "hf"])
def test_a_hub_id_without_network_is_told_in_one_line(scheme, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match="a hub id that is cached or can be reached, got 'no/such'"):
        open_model(f"{scheme}:no/such")
