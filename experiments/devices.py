"""The device of a run's models: the CPU, or CUDA devices of which each process gets one.

The runner decides without torch. A process learns its own from the environment: where it is to use
the CPU no CUDA device is shown to it, else one alone; so what torch finds is what it may use.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from itertools import takewhile

CHOICES = ("auto", "cpu", "cuda")
VISIBLE = "CUDA_VISIBLE_DEVICES"
LISTER = "nvidia-smi"


def chosen(name: str) -> str:
    """cpu or cuda; `auto` is cuda where NVIDIA's driver is installed and a device is visible."""
    if name != "auto":
        return name
    return "cuda" if visible() else "cpu"


def visible() -> list[str]:
    """The CUDA devices that processes may use: what the environment names, else all there are."""
    if VISIBLE in os.environ:
        named = os.environ[VISIBLE].split(",")
        return list(takewhile(lambda one: one not in ("", "-1"), named))  # as CUDA reads it
    if shutil.which(LISTER) is None:
        return []
    listed = subprocess.run([LISTER, "--list-gpus"], capture_output=True, text=True, check=False)
    return [str(index) for index, _ in enumerate(listed.stdout.splitlines())]


def dealt(devices: Sequence[str], taken: Sequence[str], count: int = 1) -> str:
    """The `count` devices that the fewest running processes have, with commas; `taken` holds what
    each of those was dealt. Empty where there are none."""
    every = [one for dealt in taken for one in dealt.split(",")]
    return ",".join(sorted(devices, key=every.count)[:count])
