"""Pages of the embedded world, whose groups are known, are mined with real and tiny models."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from datamodules.__main__ import main
from datamodules.mining.encoders import PageEncoder
from datamodules.mining.groups import groups, odd_one
from datamodules.mining.mine import MineConfig, Miner
from datamodules.mining.pages import Page, Picture, read_pages
from datamodules.mining.world_pages import page_pictures
from datamodules.pairs.sources import SourceConfig, open_source
from datamodules.world import World, WorldConfig
from tests.benchmarks.judges.tiny import save_clip, save_vision_language

THRESHOLD = 0.6
WORLD = World(WorldConfig())


class Repeats:
    """Replies with how many pictures it was shown; dies after so many replies."""

    def __init__(self, dies_after: int = 10_000) -> None:
        self.replies, self.dies_after = 0, dies_after

    def reply(self, images: Sequence[np.ndarray], text: str) -> str:
        if self.replies == self.dies_after:
            raise KeyboardInterrupt
        self.replies += 1
        return f'\n"use {len(images) - 1} pictures"\n'


class FirstLetters:
    """A caption's vector is its first letter; it sees no picture."""

    sees = False

    def captions(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([np.eye(26)[ord(text[0]) - ord("a")] for text in texts])

    def pictures(self, images: Sequence[np.ndarray]) -> np.ndarray:
        raise AssertionError("it sees no picture")


def mined(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "pairs.jsonl").read_text().splitlines()]


def test_pages_show_no_held_out_pair_and_are_the_same_again() -> None:
    for number in range(20):
        told = page_pictures(WORLD, number)
        assert not any(WORLD.held_out.shown_in(one.scene.placed) for one in told)
        assert [one.odd for one in told] == [False, False, False, True] * 2
        assert told == page_pictures(WORLD, number)
        for topic in range(2):
            names = [{it.name for it in one.scene.placed} for one in told if one.topic == topic]
            assert set.intersection(*names) == names[0]
            assert len(names[3]) == 2


def test_a_real_encoder_finds_most_of_the_pages_topics(
    pages: Path, minilm: PageEncoder, tmp_path: Path
) -> None:
    config = MineConfig(threshold=THRESHOLD)
    miner = Miner(minilm, Repeats(), pages.parent / "images", config)
    miner.run(list(read_pages(pages)), tmp_path)
    told = [json.loads(line)["image_info"] for line in pages.read_text().splitlines()]
    about = {one["image_name"]: one for page in told for one in page}
    topics, odd = [], []
    for line in mined(tmp_path):
        for pair in line["pairs"]:
            members = [*pair["sources"], pair["target"]]
            topics.append(len({about[one]["topic"] for one in members}) == 1)
            if any(about[one]["odd"] for one in members):
                odd.append(about[pair["target"]]["odd"])
    assert len(topics) >= len(told)
    assert np.mean(topics) > 0.9
    assert np.mean(odd) > 0.4  # a third or a quarter by chance


def docs_table() -> dict[float, list[float]]:
    """Threshold to shares, as docs/data.md has them."""
    text = (Path(__file__).parents[3] / "docs" / "data.md").read_text()
    rows = text.partition("| `--threshold` |")[2].partition("\n\n")[0].splitlines()[2:]
    numbers = [[float(one) for one in row.strip("|").split("|")] for row in rows]
    return {threshold: shares for threshold, *shares in numbers}


@pytest.mark.slow
def test_the_shares_in_the_docs_are_those_that_mining_has(minilm: PageEncoder) -> None:
    pages = [page_pictures(WORLD, number) for number in range(100)]
    vectors = [minilm.captions([WORLD.full_caption(one.scene) for one in told]) for told in pages]
    table = docs_table()
    assert table
    for threshold, shares in table.items():
        pure, odd = [], []
        for told, found in zip(pages, vectors, strict=True):
            for group in groups(found, threshold, 6):
                pure.append(len({told[one].topic for one in group}) == 1)
                if pure[-1] and len(group) == len(told) // 2:
                    odd.append(told[group[odd_one(found[group])]].odd)
        measured = [np.mean(pure), len(odd) / (2 * len(pages)), np.mean(odd)]
        np.testing.assert_allclose(measured, shares, atol=0.02)


def test_a_stopped_run_goes_on_and_ends_as_one_that_was_not_stopped(
    pages: Path, tmp_path: Path
) -> None:
    listed, images = list(read_pages(pages)), pages.parent / "images"
    letters = FirstLetters()
    letters.captions = lambda texts: np.eye(2)[[place // 4 for place in range(len(texts))]]
    Miner(letters, Repeats(), images, MineConfig()).run(listed, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        Miner(letters, Repeats(7), images, MineConfig()).run(listed, tmp_path / "cut")
    with (tmp_path / "cut" / "pairs.jsonl").open("a") as file:
        file.write('{"page": "half of a li')
    second = Repeats()
    Miner(letters, second, images, MineConfig()).run(listed, tmp_path / "cut")
    assert mined(tmp_path / "cut") == mined(tmp_path / "whole")
    assert second.replies == 2 * len(listed) - 6  # three pages stood, the fourth was half done
    assert all(len(line["pairs"]) == 2 for line in mined(tmp_path / "cut"))


def test_a_run_goes_on_with_its_own_pages_alone(pages: Path, tmp_path: Path) -> None:
    images, path = pages.parent / "images", tmp_path / "pairs.jsonl"
    miner = Miner(FirstLetters(), Repeats(), images, MineConfig())
    miner.run([page("a", "a")], tmp_path)
    others = Page("a", tuple(Picture(f"00001-{place}.png", "a") for place in range(2)))
    with pytest.raises(ValueError, match=rf"{path} must hold pairs of these .* 00000-0\.png\."):
        miner.run([others], tmp_path)
    path.write_text("nonsense\n")
    with pytest.raises(ValueError, match=rf"{path} must hold lines of JSON: "):
        miner.run([others], tmp_path)


def page(*captions: str) -> Page:
    names = (f"00000-{place}.png" for place in range(len(captions)))
    pictures = tuple(Picture(name, one) for name, one in zip(names, captions, strict=True))
    return Page("a", pictures)


def test_a_pair_has_its_sources_in_order_its_target_and_a_clean_sentence(
    pages: Path, tmp_path: Path
) -> None:
    images = pages.parent / "images"
    listed = [page("ab", "b", "ac", "ad")]
    Miner(FirstLetters(), Repeats(), images, MineConfig()).run(listed, tmp_path)
    (line,) = mined(tmp_path)
    assert line["pairs"] == [
        {
            "sources": ["00000-0.png", "00000-2.png"],
            "target": "00000-3.png",
            "instruction": "use 2 pictures",
        }
    ]
    source = open_source(
        SourceConfig(form="mined", path=str(tmp_path / "pairs.jsonl"), images=str(images)), 16
    )
    sample = source.read(0)
    assert sample.name == "a/0"
    assert sample.caption == "use 2 pictures"
    assert [one.shape for one in (sample.image, *sample.sources)] == [(16, 16, 3)] * 3
    assert not np.array_equal(sample.image, sample.sources[0])


def test_pictures_that_cannot_be_read_are_counted_named_and_put_up_with_to_a_share(
    pages: Path, tmp_path: Path
) -> None:
    listed = [Page("a", (*page("a", "a", "a").pictures, Picture("gone.png", "a")))]
    images, loose = pages.parent / "images", MineConfig(max_broken=0.25)
    ledger = Miner(FirstLetters(), Repeats(), images, loose).run(listed, tmp_path / "loose")
    assert [one.name for one in ledger.broken] == ["a/gone.png"]
    assert ledger.read == 4
    assert mined(tmp_path / "loose")[0]["pairs"][0]["target"] == "00000-2.png"
    with pytest.raises(ValueError, match=r"at most 1\.0% of 4 .* a/gone\.png: a sample must have"):
        Miner(FirstLetters(), Repeats(), images, MineConfig()).run(listed, tmp_path / "strict")


def test_a_picture_without_a_file_is_a_broken_one(pages: Path, tmp_path: Path) -> None:
    line = {"text_list": ["a"], "image_info": [{"image_name": None, "matched_text_index": 0}]}
    (tmp_path / "p.jsonl").write_text(json.dumps(line) + "\n")
    config = MineConfig(max_broken=0.9)
    miner = Miner(FirstLetters(), Repeats(), pages.parent / "images", config)
    with pytest.raises(ValueError, match=r"p\.jsonl:1/None: an image must be given by the name of"):
        miner.run(list(read_pages(tmp_path / "p.jsonl")), tmp_path)


def test_a_reply_without_words_breaks_its_pair(pages: Path, tmp_path: Path) -> None:
    silent = Repeats()
    silent.reply = lambda images, text: '  \n""\n'
    config = MineConfig(max_broken=0.5)
    miner = Miner(FirstLetters(), silent, pages.parent / "images", config)
    ledger = miner.run([page("a", "a", "b")], tmp_path)
    assert [one.name for one in ledger.broken] == ["a/00000-1.png"]
    assert mined(tmp_path)[0]["pairs"] == []


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        '{"text_list": []}',
        '{"text_list": ["a"], "image_info": [{"image_name": "x", "matched_text_index": 1}]}',
        '{"text_list": ["a"], "image_info": [{"image_name": "x", "matched_text_index": -1}]}',
        '{"text_list": "ab", "image_info": [{"image_name": "x", "matched_text_index": 1}]}',
        '{"text_list": [5], "image_info": [{"image_name": "x", "matched_text_index": 0}]}',
        '"\xff"',
    ],
)
def test_a_line_that_is_no_page_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"text_list": [], "image_info": []}\n' + line + "\n", encoding="latin-1")
    with pytest.raises(ValueError, match=r"p\.jsonl line 2 must be a page with text_list"):
        list(read_pages(path))


def test_with_eyes_the_odd_picture_is_chosen_by_its_pixels(pages: Path, tmp_path: Path) -> None:
    encoder = FirstLetters()
    encoder.sees = True
    encoder.pictures = lambda images: np.eye(2)[[0, 1, 0]]
    miner = Miner(encoder, Repeats(), pages.parent / "images", MineConfig())
    miner.run([page("a", "a", "a")], tmp_path)
    assert mined(tmp_path)[0]["pairs"][0]["target"] == "00000-1.png"


def test_the_command_mines_the_worlds_pages(tmp_path: Path, capsys) -> None:
    main(["pages", str(tmp_path / "pages"), "--count", "2"])
    clip, eyes = save_clip(tmp_path / "clip"), save_vision_language(tmp_path / "eyes")
    options = ["mine", str(tmp_path / "pages" / "pages.jsonl"), str(tmp_path / "out")]
    options += ["--encoder", str(clip), "--writer", str(eyes), "--threshold", "0.2"]
    main([*options, "--max-broken", "0.9"])
    assert "2 pages" in capsys.readouterr().out
    assert [line["page"] for line in mined(tmp_path / "out")] == ["pages.jsonl:1", "pages.jsonl:2"]
    for more, error in (
        (["--largest", "1"], "largest must be at least 2, got 1."),
        (["--threshold", "0"], "threshold must lie in (0, 1], got 0.0."),
        (["--threshold", "0.3"], "out must be made with threshold 0.2, got 0.3."),
    ):
        with pytest.raises(SystemExit):
            main([*options, *more])
        assert error in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["pages", str(tmp_path / "none"), "--count", "0"])
    assert "--count of pages must be at least 1, got 0." in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    named = ["mine", options[1], "o", "--encoder", "e", "--writer-url", "http://127.0.0.1:1"]
    with pytest.raises(SystemExit):
        main(named)
    assert "--writer-model must name the endpoint's model, got nothing." in capsys.readouterr().err
