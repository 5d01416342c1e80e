"""Two judges on the same images: agreement, and what of it is more than chance."""

import pytest

from benchmarks.results import Item, Metric, Results
from benchmarks.second_opinion import kappa, score

LABEL = "world-16x8-32px-template"


def results(values: list[int], judge: str, label: str = LABEL) -> Results:
    items = [
        Item(name=f"{i}", cluster=f"{i // 2}", stratum="colors", value=float(v), column="seen")
        for i, v in enumerate(values)
    ]
    overall = Metric(value=sum(values) / len(values), ci_low=0, ci_high=1, n=len(values))
    return Results(
        benchmark="geneval",
        protocol={"judge": {"judge": judge}, "label": label, "rules": "official"},
        n_expected=len(values),
        n_scored=len(values),
        metrics={f"geneval.overall@{label}": overall},
        items=items,
    )


def test_agreement_is_the_share_of_equal_verdicts_with_an_interval_over_prompts():
    # images 0 to 7; the judges differ on 3 and 5 alone: 6 of 8 alike
    first = results([1, 1, 0, 0, 1, 1, 0, 0], "learnt", "world-16x8-32px")
    found = score(first, results([1, 1, 0, 1, 1, 0, 0, 0], "template"))
    agreed = found.metrics[f"judges.overall@{LABEL}"]
    assert agreed.value == 0.75
    assert agreed.ci_low < 0.75 < agreed.ci_high
    assert found.metrics[f"judges.colors.seen@{LABEL}"].value == 0.75
    assert found.metrics[f"judges.second_geneval@{LABEL}"].value == 0.5
    # both call half right: by chance 0.5 alike, so (0.75 - 0.5) / (1 - 0.5)
    assert found.metrics[f"judges.kappa@{LABEL}"].value == pytest.approx(0.5)
    assert [item.value for item in found.items] == [1, 1, 1, 0, 1, 0, 1, 1]
    assert found.protocol["judge"]["judge"] == "learnt, template"


def test_agreement_on_nothing_but_wrong_images_is_whole_and_has_no_kappa():
    nothing = results([0, 0, 0, 0], "learnt")
    found = score(nothing, results([0, 0, 0, 0], "template"))
    assert found.metrics[f"judges.overall@{LABEL}"].value == 1.0
    assert f"judges.kappa@{LABEL}" not in found.metrics
    assert kappa(nothing.items, nothing.items) is None


def test_judges_of_other_images_are_refused():
    with pytest.raises(ValueError, match="must have seen the same images, got 2 and 3"):
        score(results([1, 1], "learnt"), results([1, 1, 0], "template"))
