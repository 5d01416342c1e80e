"""The report's table of how far two judges agree."""

from experiments.opinions import opinions
from tests.experiments.test_verdicts import gathered, row


def test_an_arm_has_its_agreement_beside_both_judges_scores() -> None:
    found = gathered({"control": [0.5, 0.7], "reader": []})
    for seed, agreed in enumerate((0.9, 0.8)):
        found.final.append(row("control", seed, agreed, name="judges.overall@world-template"))
    second = row("control", 0, 0.4, name="judges.second_geneval@world-template")
    found.final.append(second)
    (only,) = opinions(found)  # the reader drew nothing
    values = {title: score.value if score else None for title, score in only.scores.items()}
    assert only.arm == "control"
    assert values["agreement"] == (0.9 + 0.8) / 2
    assert values["kappa"] is None
    assert values["GenEval by the first judge"] == (0.5 + 0.7) / 2
    assert values["GenEval by the second"] == 0.4
