"""A person's audit: blind samples, answers that are never lost, and how far all agree."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from experiments.auditing.agreement import audit_table, read_audit
from experiments.auditing.samples import (
    AUDIT,
    AnswerFile,
    Sample,
    blind_samples,
    drawings,
    read_answers,
    spread,
)
from experiments.auditing.server import AuditServer
from experiments.config import ConfigError
from experiments.evidence.collect import Gathered
from experiments.planning.plan import Cell, Plan, Request
from experiments.store.steps import Store

CHROMIUM = "/usr/bin/chromium"
PROMPTS, IMAGES = 6, 2
ARMS = ("fork", "shared", "twin")
STEPS = {"fork": "generate_geneval-f", "shared": "generate_geneval-s", "twin": "generate_geneval-s"}


def names() -> list[str]:
    return [f"{p:05d}/samples/{i:04d}.png" for p in range(PROMPTS) for i in range(IMAGES)]


def write_items(path: Path, right: dict[str, bool]) -> Path:
    lines = [json.dumps({"name": name, "value": float(one)}) for name, one in right.items()]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two finished drawing steps of six prompts with two images each."""
    store = Store(tmp_path / "runs")
    (store.runs / "toy-tiny").mkdir(parents=True)
    for step in set(STEPS.values()):
        for name in names():
            path = store.path(step) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (90, 40, 200)).save(path)
            record = {"prompt": f"<b>prompt {name[:5]}</b>"}
            (path.parent.parent / "metadata.jsonl").write_text(json.dumps(record) + "\n")
    return store


@pytest.fixture
def found(store: Store, tmp_path: Path) -> Gathered:
    """Three arms, two of one step; one judge finds even prompts right, the other all."""
    cells = [Cell(arm, 0, arm, (), (), "", {"generate_geneval": STEPS[arm]}) for arm in ARMS]
    silent = Cell("reader", 0, "shared", ("understand",), (), "", {})
    plan = Plan(
        request=Request("toy", "tiny"),
        suite={},
        claims=(),
        claims_hash="",
        stamp="",
        expected_seconds={},
        schema="",
        cells=(*cells, silent),
        steps={},
        configs={},
        units={},
    )
    first = {name: int(name[:5]) % 2 == 0 for name in names()}
    judged = write_items(tmp_path / "first.jsonl", first)
    agreed = write_items(tmp_path / "agreed.jsonl", first)  # agrees where the first says right
    items = {(arm, 0, "geneval"): judged for arm in ARMS}
    return Gathered(plan, items=items | {(arm, 0, "judges"): agreed for arm in ARMS})


@pytest.fixture
def server(found: Gathered, store: Store) -> Iterator[AuditServer]:
    answers = AnswerFile(store.runs / "toy-tiny" / AUDIT)
    with AuditServer(blind_samples(drawings(found, store), 4), answers, port=0) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def get(server: AuditServer, path: str) -> bytes:
    with urllib.request.urlopen(server.address + path, timeout=5) as reply:
        return reply.read()


def post(server: AuditServer, value: Any, **headers: str) -> int:
    headers = {"Content-Type": "application/json", **headers}
    body = json.dumps(value).encode()
    request = urllib.request.Request(server.address + "/answers", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


def test_every_arm_is_asked_about_the_same_prompts_one_image_of_each_first(
    found: Gathered, store: Store
) -> None:
    by_arm = drawings(found, store)
    assert list(by_arm) == ["fork", "shared", "twin"]
    chosen = {arm: [one.name for one in spread(drawn, 4)] for arm, drawn in by_arm.items()}
    assert chosen["fork"] == chosen["shared"]
    assert len({name[:5] for name in chosen["fork"]}) == 4
    everything = [one.name for one in spread(by_arm["fork"], 100)]
    assert sorted(everything) == names()
    assert len({name[:5] for name in everything[:PROMPTS]}) == PROMPTS


def test_arms_are_mixed_and_a_drawing_that_two_of_them_share_is_shown_once(
    found: Gathered, store: Store
) -> None:
    samples = list(blind_samples(drawings(found, store), 6).values())
    arms = [one.arm == "fork" for one in samples]
    assert len(samples) == 12
    assert arms not in (sorted(arms), sorted(arms, reverse=True))


def test_the_second_judges_verdict_is_the_firsts_unless_they_disagreed(
    found: Gathered, store: Store
) -> None:
    drawn = drawings(found, store)["fork"]
    assert [one.first for one in drawn[:4]] == [True, True, False, False]
    assert all(one.second for one in drawn)


def test_the_page_tells_nothing_of_the_arm(server: AuditServer) -> None:
    shown = json.loads(get(server, "/samples"))
    assert len(shown) == 8
    assert set(shown[0]) == {"id", "prompt", "answer"}
    told = (get(server, "/") + get(server, "/samples")).decode()
    assert not any(arm in told for arm in (*ARMS, "generate_geneval"))
    assert get(server, f"/images/{shown[0]['id']}").startswith(b"\x89PNG")


def test_an_answer_is_on_the_disk_when_the_page_hears_of_it(server: AuditServer) -> None:
    first, second, *_ = server.samples
    assert post(server, {"id": first, "answer": "right"}) == 200
    assert post(server, {"id": second, "answer": "unsure"}) == 200
    assert post(server, {"id": first, "answer": "wrong"}) == 200  # thought better of it
    path = server.answers.path
    assert len(path.read_text().splitlines()) == 3
    assert read_answers(path) == {first: "wrong", second: "unsure"}
    assert AnswerFile(path).given == {first: "wrong", second: "unsure"}


def test_what_is_no_answer_is_refused_and_not_saved(server: AuditServer) -> None:
    known = next(iter(server.samples))
    assert post(server, {"id": "none", "answer": "right"}) == 400
    assert post(server, {"id": known, "answer": "perhaps"}) == 400
    assert post(server, ["right"]) == 400
    assert post(server, {"id": [known], "answer": "right"}) == 400
    assert post(server, {"id": known, "answer": "right"}, **{"Content-Type": "text/plain"}) == 403
    assert post(server, {"id": known, "answer": "right"}, Host="elsewhere.example") == 403
    assert not server.answers.path.exists()


def test_a_line_that_was_cut_off_is_forgotten_and_the_next_answer_stands_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / AUDIT
    sample = Sample("fork", 0, tmp_path, "00000/samples/0000.png", True, None)
    AnswerFile(path).add(sample, "right")
    with path.open("a") as file:
        file.write('{"id": "ab')
    again = AnswerFile(path)
    assert again.given == {sample.id: "right"}
    again.add(sample, "wrong")
    assert read_answers(path) == {sample.id: "wrong"}
    path.write_text("{}\n" + path.read_text())
    with pytest.raises(ConfigError, match=r"line 1 must be an answer, got '\{\}'"):
        read_answers(path)


def test_a_taken_port_is_explained(server: AuditServer) -> None:
    with pytest.raises(ConfigError, match=f"--port must be free, got {server.server_port}"):
        AuditServer({}, server.answers, server.server_port)
    with pytest.raises(ConfigError, match="--port must be free, got 70000"):
        AuditServer({}, server.answers, 70000)


def test_agreement_counts_what_the_person_could_tell_and_nothing_else(
    found: Gathered, store: Store
) -> None:
    by_arm = drawings(found, store)
    told = dict(zip(by_arm["fork"], ["right", "wrong", "wrong", "unsure"], strict=False))
    answers = {one.id: answer for one, answer in told.items()} | {
        "of a drawing that is gone": "right"
    }
    (row,) = audit_table(by_arm, answers)
    assert (row.arm, row.answered, row.unsure) == ("fork", 4, 1)
    values = [None if one is None else one.value for one in row.scores]
    assert values == pytest.approx([1 / 3, 2 / 3, 2 / 3, 0.4, 1 / 3, 0.0])


def test_a_run_without_answers_has_no_audit(found: Gathered, store: Store) -> None:
    assert read_audit(found, store) == []
    drawn = drawings(found, store)["shared"][0]
    AnswerFile(store.runs / "toy-tiny" / AUDIT).add(drawn, "right")
    assert [row.arm for row in read_audit(found, store)] == ["shared", "twin"]


@pytest.mark.slow
def test_a_person_answers_by_keys_goes_back_and_goes_on_after_closing_the_page(
    server: AuditServer,
) -> None:
    ids = list(server.samples)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(server.address)
        page.wait_for_selector("text=0 of 8 answered")
        assert page.inner_text("h1") == server.samples[ids[0]].prompt()  # its markup is text
        for number, key in enumerate(["y", "n", "u"], start=1):
            page.keyboard.press(key)
            page.wait_for_selector(f"text={number} of 8 answered")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("y")
        page.wait_for_selector(f"#image[src='/images/{ids[3]}']")
        page.close()
        assert server.answers.given == dict(zip(ids, ["right", "wrong", "right"], strict=False))
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(server.address)
        page.wait_for_selector("text=3 of 8 answered")
        assert page.get_attribute("#image", "src") == f"/images/{ids[3]}"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for number in range(4, 9):
            page.click("button[data-answer=wrong]")
            page.wait_for_selector(f"text={number} of 8 answered")
        assert page.inner_text("h1").startswith("All answered")
        browser.close()
