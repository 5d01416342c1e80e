"""Figures and drawings inside the page: small, and nothing in them is markup."""

import base64
import io
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from experiments.reporting.figures import to_svg
from experiments.reporting.samples import data_address


def test_a_figures_text_is_escaped_and_not_drawn_letter_by_letter() -> None:
    figure, axis = plt.subplots(figsize=(1, 1))
    axis.set_title("<script>fork</script>")
    svg = to_svg(figure)
    assert "&lt;script&gt;fork&lt;/script&gt;" in svg
    assert "<script>" not in svg
    assert "DejaVuSans-66" not in svg  # a glyph's path


def test_a_drawing_in_the_page_is_the_drawing_to_the_eye(tmp_path: Path) -> None:
    rows, columns = np.mgrid[0:32, 0:32]
    whole = np.stack([rows * 8, columns * 8, 0 * rows], axis=-1).astype(np.uint8)
    Image.fromarray(whole).save(tmp_path / "0000.png", compress_level=1)
    address = data_address(tmp_path / "0000.png")
    packed = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(packed)) as image:
        shown = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(shown - whole).mean() < 10  # of 255, where 1024 colours have become 32
    assert len(packed) < 2000
