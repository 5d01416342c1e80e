"""`mot`: attention, feed-forward and norms untied by modality, attention over all tokens.

    text  ──▶ [ text's  norm, q k v ]─┐             ┌─[ text's  output, norm, feed-forward ]──▶
    image ──▶ [ image's norm, q k v ]─┴─ attention ─┴─[ image's output, norm, feed-forward ]──▶

It differs from `unifork` in what chooses the weights: the token's modality, in every layer, and not
the sequence's task; so both tasks train both copies, and both modalities meet in attention. Source:
Mixture-of-Transformers (arXiv 2411.04996); BAGEL (arXiv 2505.14683) has two such copies as well,
but gives the image tokens that are to be understood to the text's. Copies start alike.
"""

from dataclasses import dataclass, field, replace

from jaxtyping import Bool, Float
from torch import Tensor, nn

from models import Task
from models.blocks import Trunk, TrunkOutput, run_blocks
from models.context import Context, TrunkConfig
from models.module import Architecture, TokenModule
from models.untied import UntiedBlock, of_one_copy, untied_norm


@dataclass(frozen=True, kw_only=True)
class MoTConfig:
    name: str = "mot"
    trunk: TrunkConfig = field(default_factory=TrunkConfig)


def modality(context: Context) -> Bool[Tensor, "b n"]:
    """Image tokens take the second copy."""
    assert context.is_image is not None
    return context.is_image


class MoT(Trunk):
    def __init__(self, config: MoTConfig) -> None:
        super().__init__()
        self.config = config.trunk
        blocks = (UntiedBlock(config.trunk, modality) for _ in range(config.trunk.depth))
        self.layers = nn.ModuleList(blocks)
        self.norm = untied_norm(config.trunk, modality)

    def forward(self, x: Float[Tensor, "b n d"], context: Context, task: Task) -> TrunkOutput:
        output = run_blocks(self.layers, nn.Identity(), x, context, task)
        return replace(output, states=self.norm(output.states, context))

    def start_from(self, name: str, shared: dict[str, Tensor]) -> Tensor:
        """The value that tensor `name` takes from a shared trunk: both copies start as it."""
        return shared[of_one_copy(name)]


class MoTModule(TokenModule):
    trunk_class = MoT


ARCHITECTURE = Architecture(MoTConfig, MoTModule)
