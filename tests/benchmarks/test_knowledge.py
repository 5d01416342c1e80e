"""P(drawn | answered right): drawings and answers of the same facts, joined."""

import pytest

from benchmarks import knowledge
from benchmarks.records import RECORDS, MissingItemsError, write_json, write_lines
from benchmarks.results import Item, Results

TARGETS = ["dog", "cow", "bear", "car"]
TIERS = ["drawn", "drawn", "never_drawn", "never_drawn"]


class Parrot:
    """Says dog, and counts what it was asked at a time."""

    protocol = {"guidance": None}  # noqa: RUF012

    def answer(self, requests):
        self.images = [request.images for request in requests]
        return ["dog" for _ in requests]


@pytest.fixture
def prompts(tmp_path):
    rows = [
        {"prompt_id": number, "target": target, "question": f"what is {number} ?"}
        for number, target in enumerate(TARGETS)
    ]
    write_json(tmp_path / "wise.json", rows)
    return tmp_path / "wise.json"


def drawn(values):
    items = [
        Item(name=f"{i}", cluster=f"{i}", stratum="culture", value=value, column=TIERS[i])
        for i, value in enumerate(values)
    ]
    return Results(
        benchmark="wise",
        protocol={"label": "test"},
        n_expected=4,
        n_scored=4,
        metrics={},
        items=items,
    )


def answered(folder, answers):
    records = [{"prompt_id": i, "answer": answer} for i, answer in enumerate(answers)]
    write_lines(folder / RECORDS, records)
    return folder / RECORDS


def test_what_is_drawn_is_split_by_what_is_known(prompts, tmp_path):
    path = answered(tmp_path, ["dog", " cow ", "car", "car"])  # all right but the bear
    results = knowledge.with_answers(drawn([1.0, 0.0, 1.0, 1.0]), path, prompts)
    values = {name: metric.value for name, metric in results.metrics.items()}
    assert values == pytest.approx(
        {
            "wise.answered@test": 3 / 4,
            "wise.drawn_given_answered@test": 2 / 3,  # dog and car, not cow
            "wise.drawn_given_unanswered@test": 1.0,  # the bear
            "wise.answered.drawn@test": 1.0,
            "wise.drawn_given_answered.drawn@test": 1 / 2,
            "wise.answered.never_drawn@test": 1 / 2,
            "wise.drawn_given_answered.never_drawn@test": 1.0,
            "wise.drawn_given_unanswered.never_drawn@test": 1.0,
        }
    )
    share = results.metrics["wise.drawn_given_answered@test"]
    assert (share.n, share.ci_low <= 2 / 3 <= share.ci_high) == (3, True)
    assert [item.detail["answered"] for item in results.items] == [True, True, False, True]


def test_a_model_that_knows_nothing_has_no_share_given_what_it_knows(prompts, tmp_path):
    path = answered(tmp_path, ["pizza"] * 4)
    results = knowledge.with_answers(drawn([1.0, 0.0, 0.0, 0.0]), path, prompts)
    assert results.metrics["wise.answered@test"].value == 0.0
    assert "wise.drawn_given_answered@test" not in results.metrics
    assert results.metrics["wise.drawn_given_unanswered@test"].value == 1 / 4


def test_the_questions_are_asked_without_an_image(prompts, tmp_path):
    model = Parrot()
    knowledge.ask(model, prompts, tmp_path / "answers")
    assert model.images == [()] * 4
    results = knowledge.with_answers(drawn([0.0] * 4), tmp_path / "answers" / RECORDS, prompts)
    assert results.metrics["wise.answered@test"].value == 1 / 4


def test_a_missing_answer_is_named(prompts, tmp_path):
    path = answered(tmp_path, ["dog", "cow", "bear"])
    with pytest.raises(MissingItemsError, match="got 1 of 4 missing or unreadable: 3"):
        knowledge.with_answers(drawn([0.0] * 4), path, prompts)
