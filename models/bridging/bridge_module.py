"""The LightningModule that trains a bridge between published models, as MetaQuery is trained.

    texts, reference images ──▶ drop some ──▶ prompts ──▶ [ bridge ] ──▶ the decoder's loss
    pixels ──▶ [ autoencoder ] ──▶ latents ───────────────────┘
               or latents as they were precomputed

What is frozen is in no optimiser and in no checkpoint. Sources: MetaQuery (arXiv 2504.06256) and
its released code; OpenUni (arXiv 2505.23661), which trains the decoder at a rate of its own.
"""

from dataclasses import dataclass
from typing import Any

import lightning
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from models.bridging.decoder_bridge import PipelineBridge
from models.bridging.frozen_prompts import Prompt
from models.initialise import generator_for
from models.ranks import ranks
from models.schedules import scheduled, warmed_cosine

PairBatch = dict[str, Any]
"""`texts` [b], `references` [b] (a tuple of uint8 [h w 3] each), and the images they describe:
either `pixels` uint8 [b h w 3] or `latents` [b l y x]."""


@dataclass(frozen=True, kw_only=True)
class BridgeTrainConfig:
    """`batch` pairs a step over all devices, in `accumulate` parts on each.

    Rates rise linearly over `warmup_steps` and fall along a cosine to `final_share` of themselves.
    `drop_text`, `drop_both` and `drop_references` are the shares of prompts that lose their text,
    everything, or their reference images, for guidance. `ema_decay` is that of the weight average,
    0: none. Prefixes of prompts are kept in `kept_prompts_gib` where that is cheaper than reading
    them again; with 0 a run is bit-identical after an interruption.
    """

    steps: int = 1000
    batch: int = 64
    accumulate: int = 1
    learning_rate: float = 1e-4
    decoder_learning_rate: float = 1e-4
    final_share: float = 0.1
    warmup_steps: int = 0
    weight_decay: float = 0.1
    clip_norm: float = 0.5
    ema_decay: float = 0.0
    drop_text: float = 0.1
    drop_both: float = 0.0
    drop_references: float = 0.0
    precision: str = "bf16-mixed"
    kept_prompts_gib: float = 0.0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate"):
            if getattr(self, name) < 1:
                raise ValueError(f"train.{name} must be at least 1, got {getattr(self, name)}.")
        for name in ("learning_rate", "decoder_learning_rate", "clip_norm"):
            if getattr(self, name) <= 0:
                raise ValueError(f"train.{name} must be above 0, got {getattr(self, name)}.")
        for name in ("warmup_steps", "weight_decay", "kept_prompts_gib"):
            if getattr(self, name) < 0:
                raise ValueError(f"train.{name} must not be negative, got {getattr(self, name)}.")
        if not 0 <= self.final_share <= 1:
            raise ValueError(f"train.final_share must lie in [0, 1], got {self.final_share}.")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"train.ema_decay must lie in [0, 1), got {self.ema_decay}.")
        shares = (self.drop_text, self.drop_both, self.drop_references)
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError(
                "train.drop_text, drop_both and drop_references must be shares of one whole, "
                f"got {shares}."
            )
        if self.batch % self.accumulate:
            raise ValueError(
                f"train.batch must be a multiple of train.accumulate={self.accumulate}, "
                f"got {self.batch}."
            )

    def rate(self, step: int) -> float:
        """The factor on every learning rate at `step`."""
        return warmed_cosine(step, self.steps, self.warmup_steps, self.final_share)


class BridgeModule(lightning.LightningModule):
    """Trains queries, connector and, if it is tuned, the decoder of a bridge.

    What is random in a step is a function of the seed, the step and the piece of it: so devices
    and parts that cut steps into the same pieces train alike.
    """

    def __init__(self, bridge: PipelineBridge, config: BridgeTrainConfig, seed: int) -> None:
        super().__init__()
        self.strict_loading = False  # a checkpoint has no frozen model in it
        self.bridge, self.train_config, self.seed = bridge, config, seed
        self.values: dict[str, Tensor] = {}  # the last step's, for whoever logs

    def training_step(self, batch: PairBatch, batch_idx: int) -> Tensor:
        """The decoder's loss. Raises ValueError when it is not finite."""
        part = batch_idx % self.train_config.accumulate
        piece = (self.global_step, part * ranks() + self.global_rank)
        prompts = self.prompts(batch, generator_for(self.seed, "drop", *piece))
        noise = generator_for(self.seed, "noise", *piece)
        loss = self.bridge.loss(prompts, self.latents(batch), noise)
        if not torch.isfinite(loss):
            raise ValueError(f"loss must stay finite, got {loss.item()} at step {piece[0]}.")
        self.values = {"train/generate/loss": loss.detach()}
        return loss

    def prompts(self, batch: PairBatch, generator: torch.Generator) -> list[Prompt]:
        """The batch's prompts, some without their text, their references, or both."""
        config, pairs = self.train_config, zip(batch["texts"], batch["references"], strict=True)
        textless = config.drop_text + config.drop_both
        imageless = textless + config.drop_references
        drawn = torch.rand(len(batch["texts"]), generator=generator).tolist()
        return [
            Prompt(
                "" if share < textless else text,
                () if config.drop_text <= share < imageless else references,
            )
            for share, (text, references) in zip(drawn, pairs, strict=True)
        ]

    def latents(self, batch: PairBatch) -> Float[Tensor, "b l y x"]:
        """The batch's latents, encoded here in full precision where it has pixels."""
        if "latents" in batch:
            return batch["latents"].float()
        pixels = rearrange(batch["pixels"], "b h w c -> b c h w").float() / 127.5 - 1
        with torch.autocast(pixels.device.type, enabled=False):
            return self.bridge.decoder.encode(pixels).float()

    def configure_optimizers(self) -> Any:
        config = self.train_config
        optimizer = torch.optim.AdamW(groups(self.bridge, config), betas=(0.9, 0.95))
        return scheduled(optimizer, config.rate)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        trained = {name for name, one in self.named_parameters() if one.requires_grad}
        frozen, state = self.state_dict().keys() - trained, checkpoint["state_dict"]
        checkpoint["state_dict"] = {n: one for n, one in state.items() if n not in frozen}


def groups(bridge: nn.Module, config: BridgeTrainConfig) -> list[dict[str, Any]]:
    """Parameter groups: queries with the connector, and the decoder; matrices decay, the rest does
    not."""
    found = []
    for inside, rate in ((False, config.learning_rate), (True, config.decoder_learning_rate)):
        part = [
            one
            for name, one in bridge.named_parameters()
            if one.requires_grad and name.startswith("decoder.") == inside
        ]
        matrices = [one for one in part if one.dim() > 1]
        others = [one for one in part if one.dim() <= 1]
        found.append({"params": matrices, "lr": rate, "weight_decay": config.weight_decay})
        found.append({"params": others, "lr": rate, "weight_decay": 0.0})
    return [group for group in found if group["params"]]
