"""Files of lmms-eval and of VQAv2's evaluator, in and out."""

import pytest

from benchmarks import exchange
from benchmarks.records import read_json, write_json, write_lines
from benchmarks.results import Item, Metric, Results, estimate
from benchmarks.vqa import vqav2

DOCUMENT = {
    "results": {
        "gqa": {
            "alias": "gqa",
            "exact_match,none": 0.5,
            "exact_match_stderr,none": 0.1,
            "acc,strict": 0.25,
            "acc_stderr,strict": "N/A",
            "submission,none": None,
        }
    },
    "configs": {"gqa": {"generation_kwargs": {"max_new_tokens": 16}}},
    "versions": {"gqa": "Yaml"},
    "n-samples": {"gqa": {"original": 12, "effective": 10}},
    "config": {"model_args": "pretrained=x"},
    "model_name": "x",
}


def test_lmms_evals_metrics_keep_its_name_and_get_intervals_from_their_errors(tmp_path):
    write_json(tmp_path / "results.json", DOCUMENT)
    results = exchange.read_results(tmp_path / "results.json")["gqa"]
    assert set(results.metrics) == {"gqa.exact_match@lmms-eval", "gqa.acc.strict@lmms-eval"}
    match = results.metrics["gqa.exact_match@lmms-eval"]
    assert match.value == 0.5
    assert match.ci_high == pytest.approx(0.5 + 1.96 * 0.1, abs=1e-4)
    assert results.metrics["gqa.acc.strict@lmms-eval"].ci_low is None  # "N/A"
    assert (results.n_expected, results.n_scored) == (12, 10)
    assert results.protocol["config"] == {"generation_kwargs": {"max_new_tokens": 16}}
    assert results.protocol["model"] == {"name": "x", "settings": "pretrained=x"}


def small_results():
    values = [100.0, 0.0, 30.0, 90.0]
    items = [
        Item(
            name=str(number),
            cluster=str(number),
            stratum="other",
            value=value,
            detail={"expected": "red"},
        )
        for number, value in enumerate(values)
    ]
    metrics = {
        "vqav2.overall@val2014": estimate(items),
        "vqav2.answer_type.other@val2014": Metric(value=55.555, ci_low=None, ci_high=None, n=4),
        "vqav2.question_type.is it@val2014": estimate(items[:3]),
    }
    protocol = {"rule": "official"}
    return Results(
        benchmark="vqav2", protocol=protocol, n_expected=4, n_scored=4, metrics=metrics, items=items
    )


def test_results_go_out_and_come_back_with_values_and_widths(tmp_path):
    results = small_results()
    exchange.write_results(tmp_path / "results.json", [results])
    back = exchange.read_results(tmp_path / "results.json")["vqav2"]
    assert back.n_scored == 4
    for name, metric in results.metrics.items():
        found = back.metrics[name.replace("@val2014", ".val2014@lmms-eval")]
        assert found.value == metric.value
        if metric.ci_low is not None:
            width = metric.ci_high - metric.ci_low
            assert found.ci_high - found.ci_low == pytest.approx(width, abs=1e-9)


@pytest.mark.parametrize(
    ("row", "reply"),
    [
        ({"filtered_resps": ["yes"]}, "yes"),
        ({"filtered_resps": "yes"}, "yes"),
        ({"resps": [["yes", "no"]]}, "yes"),  # the first of several
        ({"filtered_resps": [["a"]], "resps": [["b"]]}, "a"),  # what the filters left
    ],
)
def test_a_reply_is_found_in_each_form_of_a_sample(row, reply, tmp_path):
    write_lines(tmp_path / "samples.jsonl", [{"doc_id": 1, **row}, {**row, "doc_id": 0}])
    samples = exchange.read_samples(tmp_path / "samples.jsonl")
    assert [(row["doc_id"], row["reply"]) for row in samples] == [(0, reply), (1, reply)]


def test_an_old_run_is_scored_again_by_the_official_rules(tmp_path):
    rows = [
        {"doc_id": 0, "filtered_resps": ["yes"], "submission": {"question_id": 7, "answer": "y"}}
    ]
    write_lines(tmp_path / "samples_vqav2.jsonl", rows)
    replies = exchange.replies_by_id(exchange.read_samples(tmp_path / "samples_vqav2.jsonl"))
    assert replies == {"7": "yes"}
    exchange.write_answers(tmp_path / "answers.json", replies, "question_id", "answer")
    assert read_json(tmp_path / "answers.json") == [{"question_id": 7, "answer": "yes"}]
    answers = [{"answer": "Yes", "answer_id": number} for number in range(10)]
    annotation = {"question_id": 7, "image_id": 1, "question_type": "is", "answer_type": "yes/no"}
    document = {"data_subtype": "val2014", "annotations": [{**annotation, "answers": answers}]}
    write_json(tmp_path / "annotations.json", document)
    # lmms-eval always normalises and gives 1; the official rule does not where all ten agree
    results = vqav2.score(tmp_path / "answers.json", tmp_path / "annotations.json")
    assert results.metrics["vqav2.overall@val2014"].value == 0.0


def test_samples_without_an_id_take_theirs_from_the_data_sets_order(tmp_path):
    write_lines(tmp_path / "s.jsonl", [{"doc_id": n, "resps": [["x"]]} for n in (0, 2)])
    samples = exchange.read_samples(tmp_path / "s.jsonl")
    assert exchange.replies_by_id(samples, ["a", "b", "c"]) == {"a": "x", "c": "x"}
    with pytest.raises(ValueError, match="sample 0 must hold one of question_id"):
        exchange.replies_by_id(samples)
    with pytest.raises(ValueError, match="doc_id must lie below 2, got 2"):
        exchange.replies_by_id(samples, ["a", "b"])


def test_samples_go_out_and_come_back(tmp_path):
    replies = {str(number): f"reply {number}" for number in range(4)}
    exchange.write_samples(tmp_path / "s.jsonl", "vqav2", small_results(), replies)
    samples = exchange.read_samples(tmp_path / "s.jsonl")
    assert exchange.replies_by_id(samples) == replies
    assert samples[2]["vqav2"]["score"] == 30.0
    with pytest.raises(ValueError, match="replies must have '3'"):
        exchange.write_samples(
            tmp_path / "s.jsonl", "vqav2", small_results(), {"0": "", "1": "", "2": ""}
        )


def test_bad_samples_are_named(tmp_path):
    write_lines(tmp_path / "s.jsonl", [{"doc_id": 5, "resps": []}])
    with pytest.raises(ValueError, match="doc_id 5 must have filtered_resps or resps"):
        exchange.read_samples(tmp_path / "s.jsonl")
    write_lines(tmp_path / "s.jsonl", [{"doc_id": 5, "resps": "x"}] * 2)
    with pytest.raises(ValueError, match="doc_id must be unique, got '5' twice"):
        exchange.read_samples(tmp_path / "s.jsonl")
    write_lines(tmp_path / "s.jsonl", [{"resps": "x"}])
    with pytest.raises(ValueError, match="row 1 must have 'doc_id'"):
        exchange.read_samples(tmp_path / "s.jsonl")
    write_json(tmp_path / "r.json", {"scores": {}})
    with pytest.raises(ValueError, match=r"r.json must have 'results', got \['scores'\]"):
        exchange.read_results(tmp_path / "r.json")


def test_vqav2s_accuracy_file_is_rounded_to_two_places(tmp_path):
    exchange.write_vqa_accuracy(tmp_path / "accuracy.json", small_results())
    assert read_json(tmp_path / "accuracy.json") == {
        "overall": 55.0,
        "perQuestionType": {"is it": 43.33},  # 130 / 3
        "perAnswerType": {"other": 55.55},  # 55.555 lies below its decimal form
    }
    back = exchange.read_vqa_accuracy(tmp_path / "accuracy.json", "val2014")
    assert back.metrics["vqav2.question_type.is it@val2014"].value == 43.33
    other = Results(benchmark="gqa", protocol={}, n_expected=0, n_scored=0, metrics={})
    with pytest.raises(ValueError, match="must come from vqav2, got 'gqa'"):
        exchange.write_vqa_accuracy(tmp_path / "accuracy.json", other)


def test_an_id_that_begins_with_a_zero_stays_a_text(tmp_path):
    replies = {"02930152": "yes", "201307251": "no", "0": "no", "\u00b2": "no", "n1": "no"}
    exchange.write_answers(tmp_path / "answers.json", replies, "questionId", "prediction")
    written = [row["questionId"] for row in read_json(tmp_path / "answers.json")]
    assert written == ["02930152", 201307251, 0, "\u00b2", "n1"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"results": [1]}, r"an object a task in results, got \[1\]"),
        ({"results": {"gqa": 1}}, "an object a task in results"),
        ({"results": {"gqa": {}}, "n-samples": {"gqa": 5}}, "an object a task in n-samples"),
    ],
)
def test_results_of_another_form_are_refused(tmp_path, document, message):
    write_json(tmp_path / "r.json", document)
    with pytest.raises(ValueError, match=message):
        exchange.read_results(tmp_path / "r.json")


def test_a_doc_id_that_is_no_number_is_refused(tmp_path):
    rows = [{"doc_id": number, "resps": ["x"]} for number in (1, "0")]
    write_lines(tmp_path / "s.jsonl", rows)
    with pytest.raises(ValueError, match=r"s\.jsonl must have whole numbers as doc_id, got '0'"):
        exchange.read_samples(tmp_path / "s.jsonl")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"perQuestionType": [1.0]}, "perQuestionType must be an object, got"),
        ({"perAnswerType": {"other": "51.2"}}, "a number as answer_type.other, got '51.2'"),
        ({"overall": None}, "must have a number as overall, got None"),
    ],
)
def test_an_accuracy_file_of_another_form_is_named(tmp_path, changed, message):
    document = {"overall": 1.0, "perQuestionType": {}, "perAnswerType": {}, **changed}
    write_json(tmp_path / "accuracy.json", document)
    with pytest.raises(ValueError, match=message):
        exchange.read_vqa_accuracy(tmp_path / "accuracy.json", "val2014")
