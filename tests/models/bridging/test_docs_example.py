"""The example of docs/published-models.md runs as it stands, on tiny checkpoints."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.models.bridging.tiny_decoders import save_sana

PAGE = Path(__file__).parents[3] / "docs" / "published-models.md"


def test_the_pages_example_trains_and_draws(
    checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    code = found[1]
    places = {
        "Qwen/Qwen2.5-VL-3B-Instruct": checkpoint("qwen2_5_vl"),
        "Efficient-Large-Model/Sana_600M_512px_diffusers": save_sana(tmp_path / "sana"),
    }
    for name, folder in places.items():
        assert name in code
        code = code.replace(name, str(folder))
    names: dict = {}
    exec(code, names)
    assert names["images"].shape == (2, 3, 32, 32)
    assert names["loss"].item() > 0
