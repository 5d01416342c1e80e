"""Figures and drawings inside the page: small, and nothing in them is markup."""

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from experiments.evidence.collect import Gathered
from experiments.evidence.scores import Score, Standing
from experiments.reporting import figures
from experiments.reporting.figures import curve_plots, mean_curve, pareto_plot, to_svg
from experiments.reporting.samples import data_address
from tests.experiments.reporting.planted_report import METRIC, cell, plan, row

ANSWERS = "v.all@label"


@pytest.fixture
def found() -> Gathered:
    """`able` answers alone; the others do both, and have a curve of what they draw."""
    arms = ("able", "shared", "fork")
    whole = plan(*map(cell, arms))
    whole.suite["headline"] = {"understand": ["v.all"], "generate": ["g.all"]}
    drawn = [replace(row(arm, 0.5), tokens_seen=9) for arm in arms[1:]]
    answered = [replace(row(arm, 0.5), metric=ANSWERS) for arm in arms]
    return Gathered(whole, final=[*drawn, *answered], curve=drawn)


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


def test_a_figure_that_is_drawn_twice_is_the_same_text(found: Gathered) -> None:
    assert curve_plots(found) == curve_plots(found)


def test_an_arm_has_one_colour_in_the_scatter_of_scores_and_in_the_curves(
    found: Gathered, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = {ANSWERS: Score(0.5), METRIC: Score(0.5)}
    scores = {"able": {ANSWERS: Score(0.5)}, "shared": both, "fork": both}
    rows = [Standing(arm, n_seeds=1, scores=some) for arm, some in scores.items()]
    monkeypatch.setattr(figures, "to_svg", colours)
    scatter: Any = pareto_plot(found, rows)
    assert scatter.keys() == {"able (no drawing)", "shared", "fork"}
    assert curve_plots(found)[0] == {arm: scatter[arm] for arm in ("shared", "fork")}


def colours(figure: Figure) -> dict[str, str]:
    """The colour of each name in a figure's legend."""
    found: dict[str, str] = {}
    for axis in figure.axes:
        for handle, name in zip(*axis.get_legend_handles_labels(), strict=True):
            line: Any = getattr(handle, "lines", (handle,))[0]
            found[name] = line.get_color()
    return found
