"""How a step is carried out, as far as that does not change what is learnt."""

from argparse import ArgumentParser
from dataclasses import dataclass

from experiments.config import ConfigError

STRATEGIES = ("single", "ddp", "fsdp")
COMPILERS = ("none", "inductor", "aot_eager")


@dataclass(frozen=True, kw_only=True)
class ExecutionConfig:
    """`devices` processes train one arm, each on a device of its own: with `ddp` each holds the
    whole model, with `fsdp` (FSDP2) its shard. A step's batch is cut into devices x `accumulate`
    pieces, so batch sizes stay those of `train`.

    `recompute` keeps no activations inside a block and computes them again in the backward pass;
    `compiler` names the backend that `torch.compile` gives each block to.
    """

    devices: int = 1
    strategy: str = "single"
    accumulate: int = 1
    recompute: bool = False
    compiler: str = "none"

    def __post_init__(self) -> None:
        for name in ("devices", "accumulate"):
            if getattr(self, name) < 1:
                raise ValueError(f"execution.{name} must be at least 1, got {getattr(self, name)}.")
        for name, known in (("strategy", STRATEGIES), ("compiler", COMPILERS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"execution.{name} must be one of {', '.join(known)}, "
                    f"got {getattr(self, name)!r}."
                )
        if self.strategy == "single" and self.devices > 1:
            raise ValueError(
                "execution.strategy must be ddp or fsdp with execution.devices="
                f"{self.devices}, got 'single'."
            )

    @property
    def pieces(self) -> int:
        """Into how many pieces a step's batch is cut."""
        return self.devices * self.accumulate


ONE_DEVICE = ExecutionConfig()


def process_options(parser: ArgumentParser) -> None:
    parser.add_argument("--processes", type=int, default=1, help="one a device")
    parser.add_argument(
        "--strategy", choices=STRATEGIES[1:], help="of several processes; ddp by default"
    )


def over_processes(count: int, strategy: str | None) -> ExecutionConfig:
    """What those options ask for. Raises ConfigError for no process."""
    if count < 1:
        raise ConfigError(f"--processes must be at least 1, got {count}.")
    return ExecutionConfig(devices=count, strategy=strategy or ("ddp" if count > 1 else "single"))
