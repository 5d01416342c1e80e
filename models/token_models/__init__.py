"""Which model stands around a trunk over tokens: its vocabulary decides, and never the trunk.

So every token architecture takes every tokenizer and every encoder.
"""

from models.blocks import Trunk
from models.token_models.double_encoder_model import DoubleEncoderModel
from models.token_models.residual_model import ResidualModel
from models.unified import UnifiedModel, Vocabulary


class DoubleResidualModel(DoubleEncoderModel, ResidualModel):
    """Understands by an encoder of its own and draws residual codes."""


def token_model(trunk: Trunk, vocabulary: Vocabulary) -> UnifiedModel:
    """The model of such a vocabulary around `trunk`."""
    has_encoder, has_depths = vocabulary.view is not None, vocabulary.depths > 1
    if has_encoder:
        return (DoubleResidualModel if has_depths else DoubleEncoderModel)(trunk, vocabulary)
    return (ResidualModel if has_depths else UnifiedModel)(trunk, vocabulary)
