"""Low-rank updates of linear layers (LoRA, Hu et al., 2021), by peft; merged into plain weights.

    W x  ──▶  W x + alpha / rank * B (A x)        A is drawn, B starts as zeros

So a stage begins as the arm that it starts from, and what it leaves is that arm with other weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from models.initialise import generator_for

ADAPTER = "default"


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """No update with `rank` 0. `match` lists how names of linear layers end: `attention.query`."""

    rank: int = 0
    alpha: int = 0
    match: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.rank < 0:
            raise ValueError(f"stage.lora.rank must not be negative, got {self.rank}.")
        if self.rank and not self.alpha > 0:
            raise ValueError(f"stage.lora.alpha must be above 0, got {self.alpha}.")
        if bool(self.rank) != bool(self.match):
            raise ValueError(
                f"stage.lora.match must name layers where stage.lora.rank={self.rank} is above 0, "
                f"and there alone, got {self.match}."
            )


def add_updates(module: nn.Module, config: LoraConfig, seed: int) -> list[nn.Parameter]:
    """Puts updates into `module` and gives their parameters; A draws by its name and `seed`.

    Raises ValueError for an ending that no linear layer has. peft freezes all else.
    """
    if not config.rank:
        return []
    names = [name for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    for ending in config.match:
        if not any(f".{name}".endswith(f".{ending}") for name in names):
            raise ValueError(f"stage.lora.match must end names of linear layers, got {ending!r}.")
    from peft import LoraConfig as PeftConfig  # it imports transformers
    from peft import inject_adapter_in_model

    settings = PeftConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        target_modules=list(config.match),
    )
    inject_adapter_in_model(settings, module, ADAPTER)
    added = {name: p for name, p in module.named_parameters() if ".lora_" in name}
    for name, parameter in added.items():
        if ".lora_A." in name and not parameter.is_meta:
            nn.init.kaiming_uniform_(parameter, a=5**0.5, generator=generator_for(seed, name))
    return list(added.values())


def merged_state(state: Mapping[str, Tensor], config: LoraConfig) -> dict[str, Tensor]:
    """A module's state with its updates added to their weights, under the plain module's names."""
    merged = {}
    for name, value in state.items():
        layer, _, tensor = name.partition(".base_layer.")
        if tensor == "weight":
            down, up = (state[f"{layer}.lora_{part}.{ADAPTER}.weight"] for part in "AB")
            value = value + config.alpha / config.rank * up @ down
        if ".lora_" not in name:
            merged[f"{layer}.{tensor}" if tensor else name] = value
    return merged
