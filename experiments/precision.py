"""The precision in which this processor trains: bf16 where it can multiply it, else fp32.

On an x86 processor without AVX-512 products in bf16 take 25 to 80 times as long as in fp32
(docs/design.md, "Speed, as measured"). The condition is oneDNN's.
"""

from dataclasses import replace
from pathlib import Path

from experiments.config import CellConfig

AUTO, BF16, FP32 = "auto", "bf16-mixed", "32-true"
CPUINFO = Path("/proc/cpuinfo")


def multiplies_bf16(cpuinfo: Path = CPUINFO) -> bool:
    """False for an x86 processor without AVX-512; one that cannot be asked is taken to do it."""
    try:
        flags = set(cpuinfo.read_text().split())
    except OSError:
        return True
    return "avx512bw" in flags or "sse2" not in flags


def with_precision(config: CellConfig, device: str) -> CellConfig:
    """The config with each training's precision in the place of `auto`; a CUDA device has bf16."""
    chosen = BF16 if device == "cuda" or multiplies_bf16() else FP32
    settled = {
        name: replace(section, precision=chosen)
        for name in ("stage0", "train")
        if getattr(section := getattr(config, name, None), "precision", None) == AUTO
    }
    return replace(config, **settled)
