"""`mot`: attention, feed-forward and norms untied by modality, attention over all tokens.

    text  ──▶ [ text's  norm, q k v ]─┐             ┌─[ text's  output, norm, feed-forward ]──▶
    image ──▶ [ image's norm, q k v ]─┴─ attention ─┴─[ image's output, norm, feed-forward ]──▶

It differs from `unifork` in what chooses the weights: the token's modality, in every layer, and not
the sequence's task; so both tasks train both copies, and both modalities meet in attention. Source:
Mixture-of-Transformers (arXiv 2411.04996); BAGEL (arXiv 2505.14683) has two such copies as well,
but gives the image tokens that are to be understood to the text's. Copies start alike.
"""

from dataclasses import dataclass, field

from jaxtyping import Bool
from torch import Tensor

from models.context import Context, TrunkConfig
from models.module import Architecture, TokenModule
from models.untied import UntiedTrunk


@dataclass(frozen=True, kw_only=True)
class MoTConfig:
    name: str = "mot"
    trunk: TrunkConfig = field(default_factory=TrunkConfig)


def modality(context: Context) -> Bool[Tensor, "b n"]:
    """Image tokens take the second copy."""
    assert context.is_image is not None
    return context.is_image


class MoT(UntiedTrunk):
    def __init__(self, config: MoTConfig) -> None:
        super().__init__(config.trunk, modality)


class MoTModule(TokenModule):
    trunk_class = MoT


ARCHITECTURE = Architecture(MoTConfig, MoTModule)
