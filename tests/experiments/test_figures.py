"""Figures and drawings inside the page: small, and nothing in them is markup."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from experiments.reporting.figures import mean_curve, to_svg
from experiments.reporting.samples import data_address
from tests.experiments.test_report import row


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


def test_a_curve_is_the_mean_over_seeds_whose_token_counts_differ_a_little() -> None:
    read = [(0, 20, 0.5), (0, 10, 0.25), (1, 12, 0.75), (1, 22, 1.0)]
    rows = [replace(row("fork", value), seed=seed, tokens_seen=at) for seed, at, value in read]
    assert mean_curve(rows) == ([11, 21], [0.5, 0.75])
    assert mean_curve([]) == ([], [])
