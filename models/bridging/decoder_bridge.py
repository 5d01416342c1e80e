"""The frozen bridge of published parts: a reader of transformers, a decoder of diffusers.

    prompts, images ──▶ [ frozen reader ] ◀── N learnable queries
                               │ last states
                        [ connector ] ──▶ [ decoder, tuned or frozen ] ──▶ pixels

`models/frozen_bridge.py` is the same idea at the size of the embedded world, on its codec's
latents; the connector is one and the same. Source: MetaQuery (arXiv 2504.06256).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.bridging.decoder_pipeline import PipelineDecoder, open_decoder
from models.bridging.frozen_prompts import Prompt
from models.bridging.frozen_reader import FrozenReader, open_reader
from models.connector import CONNECTORS, Connector
from models.context import TrunkConfig
from models.initialise import generator_for, initialise
from models.tensor_faults import Shape, shapes, tensor_faults
from models.unified import state_dtype

HEAD_WIDTH = 64
UNPROMPTED = Prompt("")
"""What a dropped prompt leaves: the chat template around no text."""
PIPELINE, TRAINED, CONFIG = "pipeline", "connector.safetensors", "bridge.json"


@dataclass(frozen=True, kw_only=True)
class PipelineBridgeConfig:
    """`connector_depth` counts the connector's blocks; sizes are those of MetaQuery's study."""

    queries: int = 64
    connector: str = "enc_proj"
    connector_depth: int = 24

    def __post_init__(self) -> None:
        for name, least in (("queries", 1), ("connector_depth", 0)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"model.{name} must be at least {least}, got {getattr(self, name)}."
                )
        if self.connector not in CONNECTORS:
            raise ValueError(
                f"model.connector must be one of {CONNECTORS}, got {self.connector!r}."
            )


def new_connector(config: PipelineBridgeConfig, width: int, target: int) -> Connector:
    """A connector from a reader's width to a decoder's conditions, of any values."""
    heads = max(1, width // HEAD_WIDTH)
    sizes = TrunkConfig(width=width, heads=heads, kv_heads=heads)
    return Connector(sizes, target, config.connector, config.connector_depth)


class PipelineBridge(nn.Module):
    """Queries and a connector between two published models; they are drawn by name and `seed`."""

    def __init__(
        self,
        config: PipelineBridgeConfig,
        reader: FrozenReader,
        decoder: PipelineDecoder,
        seed: int,
    ) -> None:
        super().__init__()
        self.config, self.reader, self.decoder = config, reader, decoder
        self.connector = new_connector(config, reader.width, decoder.condition_width)
        initialise(self.connector, seed, max(1, config.connector_depth))
        draws = torch.randn(config.queries, reader.width, generator=generator_for(seed, "queries"))
        self.queries = nn.Parameter(draws * reader.width**-0.5)
        nn.init.constant_(self.connector.norm.weight, decoder.condition_scale)

    def conditions(self, prompts: Sequence[Prompt]) -> Float[Tensor, "b q w"]:
        """What the decoder attends to; the reader keeps its own precision under autocast too."""
        with torch.autocast(self.queries.device.type, enabled=False):
            states = self.reader.states(prompts, self.queries)
        return self.connector(states.to(state_dtype(states.device)))

    def loss(
        self,
        prompts: Sequence[Prompt],
        latents: Float[Tensor, "b l y x"],
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """The decoder's loss on `decoder.encode`d images behind their prompts."""
        return self.decoder.loss(latents, self.conditions(prompts), generator)

    @torch.no_grad()
    def draw(
        self,
        prompts: Sequence[Prompt],
        seeds: Sequence[int],
        steps: int,
        guidance: float = 1.0,
        negatives: Sequence[Prompt] | None = None,
    ) -> Float[Tensor, "b 3 height width"]:
        """Pixels in [0, 1]; image i depends on prompt, seed and negative i alone.

        Guidance above 1 leads away from `negatives`, by default from no prompt.
        """
        away_from = negatives or [UNPROMPTED] * len(prompts)
        free = self.conditions(away_from) if guidance > 1 else None
        return self.decoder.draw(self.conditions(prompts), seeds, steps, guidance, free)

    def trained(self) -> dict[str, Tensor]:
        """The queries and the connector's tensors by name."""
        connector = {f"connector.{name}": x for name, x in self.connector.state_dict().items()}
        return {"queries": self.queries.detach(), **connector}

    def save(self, folder: Path) -> None:
        """Writes what is learnt, the pipeline as diffusers loads it, and the reader's name alone.

        Raises ValueError for a reader that was not opened from a checkpoint.
        """
        if self.reader.name is None:
            raise ValueError(
                "a bridge's reader must be opened from a checkpoint, got one made here."
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.decoder.save(folder / PIPELINE)
        save_file({n: x.contiguous() for n, x in self.trained().items()}, folder / TRAINED)
        parts = {
            "model": asdict(self.config),
            "reader": {"name": self.reader.name, "system": self.reader.encoder.system},
            "decoder": {"tuned": self.decoder.tuned},
        }
        (folder / CONFIG).write_text(json.dumps(parts, indent=2))


def open_pipeline_bridge(
    folder: Path,
    dtype: torch.dtype = torch.float32,
    reader_dtype: torch.dtype | None = None,
    tuned: bool | None = None,
) -> PipelineBridge:
    """The bridge that `save` wrote, its reader in a precision of its own where one is given.

    `tuned` says whether the decoder goes on learning; None: as it was saved. Raises OSError where a
    part is not there, ValueError where `connector.safetensors` is cut or has other tensors than the
    bridge, all of them named.
    """
    parts = json.loads((folder / CONFIG).read_text())
    about, goes_on = parts["reader"], parts["decoder"]["tuned"] if tuned is None else tuned
    reader = open_reader(about["name"], about["system"], reader_dtype or dtype)
    decoder = open_decoder(folder / PIPELINE, goes_on, dtype)
    bridge = PipelineBridge(PipelineBridgeConfig(**parts["model"]), reader, decoder, seed=0)
    path = folder / TRAINED
    if faults := tensor_faults(shapes(bridge.trained()), saved_shapes(path)):
        raise ValueError(f"{path} must hold the bridge's tensors, got {', '.join(faults)}.")
    bridge.load_state_dict(load_file(path), strict=False)
    return bridge


def saved_shapes(path: Path) -> dict[str, Shape]:
    """The shape of each tensor of a safetensors file; ValueError for one that is cut."""
    try:
        with safe_open(path, "pt") as file:
            names = file.keys()
            return {name: tuple(file.get_slice(name).get_shape()) for name in names}
    except SafetensorError as error:
        raise ValueError(f"{path} must be a whole safetensors file: {error}.") from error
