"""The vocabulary decides what stands around a trunk, whatever the trunk."""

from dataclasses import replace

import pytest
import torch

from models.batch import Batch
from models.tokenizers.encoders import EFFICIENTNET
from models.unified import Vocabulary
from tests.models.conftest import TOKEN_ARMS, build, gradients


@pytest.mark.parametrize("name", TOKEN_ARMS)
@pytest.mark.parametrize("depths", [1, 3])
def test_every_architecture_understands_by_an_encoder_and_draws_by_codes(
    name: str, depths: int, vocabulary: Vocabulary, batch: Batch
) -> None:
    """Three depths of nine codes make 729, of which the batch draws 27."""
    features = torch.randn(27, 4, generator=torch.Generator().manual_seed(0))
    words = replace(vocabulary, view=EFFICIENTNET)
    if depths > 1:
        words = replace(words, code_features=features, depths=depths)
    module = build(name, words)
    assert module.second_encoder
    with torch.no_grad():
        asked = batch["understand"]
        loss = module.model.losses(asked, "understand")["loss"]
        other = {**asked, "features": asked["features"].flip(1)}
        assert module.model.losses(other, "understand")["loss"] != loss
    found = gradients(module, batch)
    for part in ("adapter_input", "embedding.image_input", "image_head", "text_head"):
        assert any(part in n and one.abs().sum() > 0 for n, one in found.items()), part
