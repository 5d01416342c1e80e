"""`double_encoder`: the shared trunk, with an encoder of its own for images to be understood.

    understand   image ─ EfficientNet, frozen ─ [ adapter ] ─┐
    generate     image ─ codec ─ codes ─ [ embedding ] ──────┴──▶ [ shared trunk ] ──▶ heads

It is `shared` under `encoder.kind: efficientnet`, the largest encoder that comes as a package and
runs in minutes, trained on ImageNet's labels and not on text; another `encoder.kind` holds for this
arm as for any other (models/tokenizers/encoders.py). Source: Janus (arXiv 2410.13848).
"""

from dataclasses import dataclass

from models.module import Architecture, TokenModule
from models.shared import Shared, SharedConfig
from models.tokenizers.encoders import EFFICIENTNET


@dataclass(frozen=True, kw_only=True)
class DoubleEncoderConfig(SharedConfig):
    """`variant`: its cells extract features (experiments/planning/graph_variants.py)."""

    name: str = "double_encoder"

    @property
    def variant(self) -> str:
        return "features"


class DoubleEncoderModule(TokenModule):
    trunk_class = Shared
    own_view = EFFICIENTNET


ARCHITECTURE = Architecture(DoubleEncoderConfig, DoubleEncoderModule)
