"""Devices by name: their memory, and what they multiply at most.

Peaks are the makers' data sheets', dense, with bf16 inputs and fp32 sums.
"""

import re
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass

from experiments.config import ConfigError

GIB = 2**30


@dataclass(frozen=True)
class Device:
    memory_gib: int
    peak_flops: float


DEVICES = {
    "a100-40gb": Device(40, 312e12),
    "a100-80gb": Device(80, 312e12),
    "h100": Device(80, 989e12),
    "h200": Device(141, 989e12),
    "l40s": Device(48, 362e12),
    "rtx4090": Device(24, 165e12),
}


@dataclass(frozen=True)
class Fleet:
    """`count` devices of one kind, which reach `utilisation` of their peak."""

    name: str
    count: int
    utilisation: float

    @classmethod
    def read(cls, text: str, utilisation: float) -> "Fleet":
        """Of `8xh100`, or `h100` for one; ConfigError for anything else."""
        match = re.fullmatch(r"(?:([1-9]\d*)x)?(.+)", text)
        count, name = match.groups() if match else ("", "")
        if name not in DEVICES:
            known = ", ".join(DEVICES)
            raise ConfigError(f"--devices must read like 8xh100 with one of {known}, got {text!r}.")
        if not 0 < utilisation <= 1:
            raise ConfigError(f"--utilisation must lie in (0, 1], got {utilisation}.")
        return cls(name, int(count or 1), utilisation)

    @classmethod
    def of(cls, options: Namespace) -> "Fleet":
        """Those that `fleet_options` name."""
        return cls.read(options.devices, options.utilisation)

    @property
    def device(self) -> Device:
        return DEVICES[self.name]

    def hours(self, flops: float) -> float:
        return flops / (self.count * self.device.peak_flops * self.utilisation) / 3600


def fleet_options(parser: ArgumentParser, default: str | None = None) -> None:
    text = f"to plan for, such as 8xh100 (default: {default or 'none'})"
    parser.add_argument("--devices", default=default, help=text)
    parser.add_argument("--utilisation", type=float, default=0.3, help="of the devices' peak")
