"""Scores of all thousand ids by both protocols, and records that do not add up."""

import pytest

from benchmarks.records import MissingItemsError, write_json, write_lines
from benchmarks.results import Results
from benchmarks.wise.official import score_official

JUDGE = {"label": "judge", "judge": {"model": "judge"}, "usage": {"calls": 3}}


def write(folder, rows, mode=None, name="records.jsonl"):
    write_lines(folder / name, rows)
    write_json(folder / "manifest.json", {**JUDGE, **({"mode": mode} if mode else {})})
    return [folder / name]


ASPECTS = ("consistency", "realism", "aesthetic_quality")
GIVEN = {range(1, 401): (2, 2, 2), range(401, 568): (1, 1, 1), range(568, 701): (0, 0, 2)}
GIVEN |= {range(701, 801): (2, 0, 0), range(801, 1001): (0, 0, 0)}


def legacy_rows(skip=()):
    """Culture all 2 2 2, time all 1 1 1, space 0 0 2, biology 2 0 0, the others 0 0 0."""
    return [
        {"prompt_id": number, **dict(zip(ASPECTS, scores, strict=True))}
        for ids, scores in GIVEN.items()
        for number in ids
        if number not in skip
    ]


def values(results):
    return {name: metric.value for name, metric in results.metrics.items()}


def test_the_legacy_overall_is_the_weighted_mean_of_the_category_means(tmp_path):
    results = score_official(write(tmp_path, legacy_rows()), "legacy")
    expected = {"culture": 1.0, "time": 0.5, "space": 0.1, "biology": 0.7, "physics": 0.0}
    # 0.4 * 1 + 0.167 * 0.5 + 0.133 * 0.1 + 0.1 * 0.7 = 0.5668
    assert values(results) == pytest.approx(
        {
            **{f"wise.{name}@legacy-judge": value for name, value in expected.items()},
            "wise.chemistry@legacy-judge": 0.0,
            "wise.overall@legacy-judge": 0.5668,
        }
    )
    assert (results.n_expected, results.n_scored) == (1000, 1000)
    assert "usage" not in results.protocol  # what a run used up is no part of its protocol


def test_the_verified_overall_is_the_mean_of_all_thousand(tmp_path):
    rows = [{"prompt_id": number, "score": int(number % 4 == 0)} for number in range(1, 1001)]
    results = score_official(write(tmp_path, rows, "verified"))
    # every category has a quarter of its ids; 0.4 + 5 * 0.12 = 1
    assert values(results)["wise.overall@verified-judge"] == pytest.approx(0.25)
    assert values(results)["wise.space@verified-judge"] == pytest.approx(0.25)


def test_replies_count_as_their_scores_do(tmp_path):
    rows = [{"prompt_id": number, "reply": f"Score: {number % 2}"} for number in range(1, 1001)]
    results = score_official(write(tmp_path, rows, "verified"))
    assert values(results)["wise.overall@verified-judge"] == pytest.approx(0.5)
    assert results.items[0].detail["reply"] == "Score: 1"


def test_a_missing_id_is_listed_and_leaves_no_overall_score(tmp_path):
    paths = write(tmp_path, legacy_rows(skip=(3, 401, 402, 403)), "legacy")
    with pytest.raises(MissingItemsError, match=r"got 4 missing \(3, 401-403\) and 0 unreadable\."):
        score_official(paths)
    results = score_official(paths, allow_missing=True)
    assert "wise.overall@legacy-judge" not in results.metrics
    assert results.metrics["wise.time@legacy-judge"].n == 164
    assert results.protocol["missing"] == [3, 401, 402, 403]
    assert results.protocol["overall"] == "none: 4 ids missing (3, 401-403)"


def test_a_reply_without_a_score_is_counted_and_named_and_left_out_of_the_mean(tmp_path):
    rows = legacy_rows()
    rows[6] = {"prompt_id": 7, "reply": "I will not."}
    rows[400]["consistency"] = "high"
    paths = write(tmp_path, rows, "legacy")
    with pytest.raises(MissingItemsError, match=r"got 0 missing and 2 unreadable \(7, 401\)"):
        score_official(paths)
    results = score_official(paths, allow_missing=True)
    # all ids are there, so there is an overall, over what could be read: the means stay
    assert values(results)["wise.overall@legacy-judge"] == pytest.approx(0.5668)
    assert results.metrics["wise.culture@legacy-judge"].n == 399
    assert results.protocol["unreadable"] == [7, 401]


def test_a_category_that_nothing_can_be_read_of_leaves_no_overall_score(tmp_path):
    rows = legacy_rows()
    for row in rows[900:]:
        row["realism"] = float("nan")
    results = score_official(write(tmp_path, rows, "legacy"), allow_missing=True)
    assert "wise.overall@legacy-judge" not in results.metrics
    assert results.protocol["overall"] == "none: no readable score in chemistry"
    assert values(results)["wise.culture@legacy-judge"] == pytest.approx(1.0)


def test_a_score_beyond_the_scale_counts_as_officially_and_is_named(tmp_path):
    rows = legacy_rows()
    rows[0]["consistency"] = 9
    results = score_official(write(tmp_path, rows, "legacy"))
    # (0.7 * 9 + 0.2 * 2 + 0.1 * 2) / 2 = 3.45 instead of 1 for one of 400
    assert values(results)["wise.culture@legacy-judge"] == pytest.approx(1 + 2.45 / 400)
    assert results.protocol["beyond_scale"] == [1]


def test_the_three_files_of_the_official_run_are_one(tmp_path):
    rows = legacy_rows()
    write(tmp_path, rows[:400], "legacy", name="culture.jsonl")
    write(tmp_path, rows[400:], "legacy", name="rest.jsonl")
    results = score_official([tmp_path / "culture.jsonl", tmp_path / "rest.jsonl"])
    assert values(results)["wise.overall@legacy-judge"] == pytest.approx(0.5668)


def test_an_id_that_comes_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="prompt_id must be unique, got 5 twice"):
        score_official(write(tmp_path, [*legacy_rows(), legacy_rows()[4]], "legacy"))


def test_an_id_that_is_none_of_wises_is_refused(tmp_path):
    rows = [*legacy_rows(), {**legacy_rows()[0], "prompt_id": 1001}]
    with pytest.raises(ValueError, match="must belong to the prompts, got 1001"):
        score_official(write(tmp_path, rows, "legacy"))


def test_an_id_that_is_no_number_is_named_with_its_line(tmp_path):
    rows = [*legacy_rows()[:1], {**legacy_rows()[0], "prompt_id": [2]}]
    with pytest.raises(ValueError, match=r"line 2 prompt_id must be a whole number, got \[2\]"):
        score_official(write(tmp_path, rows, "legacy"))


def test_an_empty_records_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must hold at least one record, got none"):
        score_official(write(tmp_path, [], "legacy"))


def test_records_of_the_other_mode_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must be judged in mode legacy, got verified"):
        score_official(write(tmp_path, legacy_rows(), "verified"), "legacy")


def test_records_of_two_judges_are_refused(tmp_path):
    paths = write(tmp_path, legacy_rows()[:400], "legacy")
    (tmp_path / "other").mkdir()
    paths += write(tmp_path / "other", legacy_rows()[400:], "verified")
    with pytest.raises(ValueError, match="one judge in one mode, got mode: 'legacy' against 'veri"):
        score_official(paths)


def write_parts(folder, **changes):
    """Write culture and the rest as two runs of the judge, the second one with `changes`."""
    made = {"model": {"model": "X"}, "wording": {"name": "own"}, "judge": {"model": "judge"}}
    made = {**made, "label": "judge", "mode": "legacy"}
    paths = []
    for number, rows in enumerate((legacy_rows()[:400], legacy_rows()[400:])):
        own = {"prompts": {"file": f"{number}.json"}, "usage": {"calls": number}}
        paths += write(folder / f"{number}", rows)
        write_json(
            folder / f"{number}/manifest.json", {**made, **own, **(changes if number else {})}
        )
    return paths


@pytest.mark.parametrize(
    "change",
    [
        {"wording": {"name": "official"}},
        {"model": {"model": "Y"}},
        {"judge": {"model": "judge", "temperature": 1}},
    ],
)
def test_files_that_were_made_or_judged_unlike_are_refused(change, tmp_path):
    paths = write_parts(tmp_path, **change)
    with pytest.raises(ValueError, match=rf"1/records\.jsonl must be made .*, got {min(change)}\."):
        score_official(paths)


def test_files_of_unlike_prompts_state_the_prompts_of_each(tmp_path):
    results = score_official(write_parts(tmp_path))
    assert results.protocol["prompts"] == [{"file": "0.json"}, {"file": "1.json"}]
    assert values(results)["wise.overall@legacy-judge"] == pytest.approx(0.5668)


def test_records_made_elsewhere_need_their_judge_named(tmp_path):
    write_lines(tmp_path / "scores.jsonl", legacy_rows())
    with pytest.raises(ValueError, match="or name the judge by --judge-model"):
        score_official([tmp_path / "scores.jsonl"], "legacy")
    results = score_official([tmp_path / "scores.jsonl"], "legacy", "openai/gpt-4o-2024-05-13")
    assert "wise.overall@legacy-gpt-4o-2024-05-13" in results.metrics
    results.write(tmp_path)
    assert Results.read(tmp_path).protocol["judge"] == {"model": "openai/gpt-4o-2024-05-13"}


def test_one_categorys_prompts_alone_have_their_mean_and_no_overall(tmp_path):
    paths = write(tmp_path, legacy_rows()[400:567], "legacy")
    results = score_official(paths, expected=range(401, 568))
    assert values(results) == {"wise.time@legacy-judge": pytest.approx(0.5)}
