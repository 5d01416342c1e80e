"""The laws of a decoder: what it learns is what its pipeline draws by, and what is saved draws."""

import copy
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.bridging.decoder_pipeline import PipelineDecoder, open_decoder
from tests.models.bridging.tiny_decoders import CONDITION, PIPELINES, TIMESTEP_SCALE

PIXELS = {"stable_diffusion": 16, "sana": 32}
LATENTS = (4, 8, 8)
both = pytest.mark.parametrize("kind", PIPELINES)
Saved = Callable[[str], Path]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """The folder of a tiny pipeline."""
    folder = tmp_path_factory.mktemp("pipelines")
    for kind, save in PIPELINES.items():
        save(folder / kind)
    return lambda kind: folder / kind


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def exact_for(decoder: PipelineDecoder, image: Tensor) -> Callable[..., Any]:
    """A denoiser that knows that all images are `image` [l y x], by each objective's definition."""

    def flow(noisy: Tensor, timestep: Tensor, **_: Any) -> Any:
        level = (timestep / (1000 * TIMESTEP_SCALE))[:, None, None, None]
        return found((noisy - image) / level)

    def noise(noisy: Tensor, timestep: Tensor, *_: Any, **__: Any) -> Any:
        kept = decoder.pipeline.scheduler.alphas_cumprod[timestep.expand(len(noisy))]
        kept = kept[:, None, None, None]
        return found((noisy - kept.sqrt() * image) / (1 - kept).sqrt())

    def found(estimate: Tensor) -> Any:
        class Answer(tuple):
            sample = estimate

        return Answer((estimate,))

    return flow if "sana" in type(decoder).__name__.lower() else noise


@both
def test_an_exact_estimate_of_one_image_has_no_loss_and_draws_that_image(
    saved: Saved, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = open_decoder(saved(kind), tuned=False)
    image, conditions = 0.5 * normal(*LATENTS), normal(2, 3, CONDITION)
    monkeypatch.setattr(decoder.denoiser, "forward", exact_for(decoder, image))
    decoder.pipeline.scheduler.final_alpha_cumprod = torch.tensor(1.0)  # the last step ends clean
    loss = decoder.loss(image.expand(2, -1, -1, -1), conditions, torch.Generator().manual_seed(1))
    assert loss < 1e-6
    drawn = decoder.draw(conditions, seeds=[0, 1], steps=20)
    code = decoder.autoencoder
    with torch.no_grad():
        pixels = code.decode(image[None] / code.config.scaling_factor).sample
    expected = (pixels / 2 + 0.5).clamp(0, 1).expand(2, -1, -1, -1)
    assert expected.std() > 0.01
    torch.testing.assert_close(drawn, expected, rtol=0, atol=2e-3)


@both
def test_what_is_saved_draws_the_same_in_diffusers_alone(
    saved: Saved, kind: str, tmp_path: Path
) -> None:
    decoder = open_decoder(saved(kind), tuned=True)
    conditions, free = normal(2, 3, CONDITION), normal(2, 3, CONDITION, seed=1)
    with torch.no_grad():
        for parameter in decoder.denoiser.parameters():
            parameter.mul_(1.1)
    drawn = decoder.draw(conditions, [3, 4], steps=3, guidance=2.0, free=free)
    decoder.save(tmp_path)
    pipeline = DiffusionPipeline.from_pretrained(tmp_path, text_encoder=None, tokenizer=None)
    pipeline.set_progress_bar_config(disable=True)
    settings = decoder.drawing_settings(conditions, free)
    noise = decoder.noise([3, 4], conditions)
    again = pipeline(
        **settings, latents=noise, num_inference_steps=3, guidance_scale=2.0, output_type="pt"
    ).images
    assert torch.equal(drawn, again)
    assert drawn.shape == (2, 3, PIXELS[kind], PIXELS[kind])
    unchanged = open_decoder(saved(kind), tuned=True).draw(conditions, [3, 4], 3, 2.0, free)
    assert not torch.equal(drawn, unchanged)


@both
@pytest.mark.parametrize("tuned", [True, False])
def test_conditions_learn_always_a_denoiser_where_it_is_tuned_and_an_autoencoder_never(
    saved: Saved, kind: str, tuned: bool
) -> None:
    decoder = open_decoder(saved(kind), tuned).train()
    assert decoder.denoiser.training == tuned
    assert not decoder.autoencoder.training
    before = copy.deepcopy(decoder.state_dict())
    conditions = normal(2, 3, CONDITION).requires_grad_()
    latents = decoder.encode(2 * torch.rand(2, 3, PIXELS[kind], PIXELS[kind]) - 1)
    assert latents.shape == (2, *LATENTS)
    optimizer = torch.optim.AdamW(decoder.parameters(), 1e-3, weight_decay=0.1)
    decoder.loss(latents, conditions, torch.Generator().manual_seed(0)).backward()
    optimizer.step()
    assert conditions.grad is not None
    assert conditions.grad.abs().max() > 0
    changed = {n for n, value in decoder.state_dict().items() if not torch.equal(value, before[n])}
    assert {name.split(".")[0] for name in changed} == ({"denoiser"} if tuned else set())


@both
def test_latents_are_the_autoencoders_scaled_by_its_factor(saved: Saved, kind: str) -> None:
    decoder = open_decoder(saved(kind), tuned=False)
    code, pixels = decoder.autoencoder, normal(1, 3, PIXELS[kind], PIXELS[kind])
    with torch.no_grad():
        found = code.encode(pixels)
    plain = found.latent if kind == "sana" else found.latent_dist.mean
    factor = {"sana": 0.41407, "stable_diffusion": 0.18215}[kind]
    torch.testing.assert_close(decoder.encode(pixels), plain * factor)


@both
def test_an_image_depends_on_its_own_seed_and_conditions_alone(saved: Saved, kind: str) -> None:
    decoder = open_decoder(saved(kind), tuned=False)
    conditions = normal(2, 3, CONDITION)
    drawn = decoder.draw(conditions, [0, 1], steps=2)
    torch.testing.assert_close(decoder.draw(conditions[1:], [1], 2)[0], drawn[1])
    assert not torch.allclose(decoder.draw(conditions[1:], [0], 2)[0], drawn[1])
    assert not torch.allclose(decoder.draw(conditions[:1], [1], 2)[0], drawn[1])


@both
def test_guidance_leads_away_from_the_unprompted_and_nowhere_where_both_are_one(
    saved: Saved, kind: str
) -> None:
    decoder = open_decoder(saved(kind), tuned=False)
    conditions, free = normal(1, 3, CONDITION), normal(1, 3, CONDITION, seed=1)
    plain = decoder.draw(conditions, [0], steps=2)
    same = decoder.draw(conditions, [0], 2, guidance=4.0, free=conditions)
    torch.testing.assert_close(same, plain, rtol=0, atol=1e-4)
    guided = decoder.draw(conditions, [0], 2, guidance=4.0, free=free)
    assert (guided - plain).abs().max() > 1e-4
    with pytest.raises(ValueError, match="must have unprompted conditions, got 4"):
        decoder.draw(conditions, [0], 2, guidance=4.0)


def test_a_decoder_tells_the_width_and_scale_that_a_connector_must_give(saved: Saved) -> None:
    sana, stable = (open_decoder(saved(k), tuned=False) for k in ("sana", "stable_diffusion"))
    assert (sana.condition_width, stable.condition_width) == (CONDITION, CONDITION)
    assert sana.condition_scale**2 == pytest.approx(5.5)
    assert stable.condition_scale == 1


@both
def test_weights_that_are_missing_unknown_or_misshapen_are_all_named(
    saved: Saved, kind: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(saved(kind), tmp_path / kind)
    path = folder / open_decoder(folder, tuned=False).part / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    names = sorted(name for name in weights if name.endswith("bias"))
    del weights[names[0]]
    weights[names[1]] = torch.zeros(3)
    weights["surplus"] = torch.zeros(1)
    save_file(weights, path, metadata={"format": "pt"})
    named = f"got missing {names[0]}, extra surplus, misshapen {names[1]}."
    with pytest.raises(ValueError, match=re.escape(named)):
        open_decoder(folder, tuned=False)


def test_another_kind_of_pipeline_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    with pytest.raises(ValueError, match="one of StableDiffusionPipeline, SanaPipeline, got Flux"):
        open_decoder(tmp_path, tuned=False)


def test_a_folder_without_a_pipeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"model_index\.json"):
        open_decoder(tmp_path, tuned=False)
