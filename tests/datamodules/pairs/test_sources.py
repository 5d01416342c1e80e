"""Each form is read as the library that writes it means it; what is cut or missing is named."""

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import webdataset
from PIL import Image

from datamodules.pairs.fields import Fields
from datamodules.pairs.samples import BrokenSampleError, Sample, read_or_name
from datamodules.pairs.sources import SourceConfig, open_source
from tests.datamodules.pairs.shards_in_use import picture, png, write_folder, write_tar


def opened(form: str, path: Path | str, **more: Any):
    return open_source(SourceConfig(form=form, path=str(path), **more), 4)


def told(source) -> list[tuple[str, list[int]]]:
    """Of every sample: its caption, and the colour of its picture."""
    read = [source.read(index) for index in range(len(source))]
    return [(one.caption, one.image[0, 0].tolist()) for one in read]


def expected(numbers) -> list[tuple[str, list[int]]]:
    return [(f"picture {number}", picture(number)[0, 0].tolist()) for number in numbers]


def test_tar_shards_are_read_as_the_library_of_webdataset_reads_them(tmp_path: Path) -> None:
    for number in range(2):
        write_tar(tmp_path / f"{number}.tar", range(3 * number, 3 * number + 3))
    source = opened("webdataset", tmp_path / "*.tar")
    assert told(source) == expected(range(6))
    assert source.name(4) == "1.tar/part/0004"
    shards = sorted(str(path) for path in tmp_path.glob("*.tar"))
    theirs = webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8")
    assert [one["__key__"] for one in theirs] == [
        source.name(index).partition("/")[2] for index in range(6)
    ]
    for index, one in enumerate(theirs):
        assert one["txt"] == source.read(index).caption
        assert one["png"][0, 0].tolist() == source.read(index).image[0, 0].tolist()


def test_a_member_is_known_by_its_extension_in_capitals_too(tmp_path: Path) -> None:
    with webdataset.TarWriter(str(tmp_path / "0.tar"), encoder=False) as writer:
        writer.write({"__key__": "a", "PNG": png(3), "TXT": b"picture 3"})
    assert told(opened("webdataset", tmp_path / "0.tar")) == expected([3])


def test_a_tars_member_without_a_name_or_an_extension_is_in_no_sample(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "0.tar", [3])
    with tarfile.open(shard, "a") as archive:
        for name in ("README", "part/._0003.png", ".DS_Store"):
            archive.addfile(tarfile.TarInfo(name))
    assert told(opened("webdataset", shard)) == expected([3])


@pytest.mark.parametrize("damage", [bytes(512), b"?" * 512])
def test_a_tar_shard_with_a_damaged_header_inside_is_refused_by_name(
    tmp_path: Path, damage: bytes
) -> None:
    shard = write_tar(tmp_path / "7.tar", range(3))
    with tarfile.open(shard) as archive:
        place = archive.getmembers()[2].offset
    content = shard.read_bytes()
    shard.write_bytes(content[:place] + damage + content[place + 512 :])
    with pytest.raises(ValueError, match=rf"7\.tar must be a whole tar, got .* at byte {place}\."):
        opened("webdataset", shard)


@pytest.mark.parametrize("cut", ["in data", "in a header", "between members"])
def test_a_truncated_tar_shard_is_refused_by_name(tmp_path: Path, cut: str) -> None:
    shard = write_tar(tmp_path / "7.tar", range(2))
    with tarfile.open(shard) as archive:
        last = archive.getmembers()[-1]
    places = {"in data": last.offset_data + 3, "in a header": last.offset + 100}
    shard.write_bytes(shard.read_bytes()[: places.get(cut, last.offset)])
    with pytest.raises(ValueError, match=r"7\.tar must be a whole tar"):
        opened("webdataset", shard)


def test_a_compressed_or_doubled_tar_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "9.tar"
    with webdataset.TarWriter(str(tmp_path / "9.tar.gz"), compress="gz") as writer:
        writer.write({"__key__": "a", "txt": "picture 0"})
    (tmp_path / "9.tar.gz").rename(packed)
    with pytest.raises(ValueError, match=r"whole tar without compression"):
        opened("webdataset", packed)
    with webdataset.TarWriter(str(packed)) as writer:
        for _ in range(2):
            writer.write({"__key__": "a", "txt": "picture 0"})
    with pytest.raises(ValueError, match=r"9\.tar must hold a\.txt once, got it again"):
        opened("webdataset", packed)


def test_parquet_rows_come_in_the_order_of_files_and_row_groups(tmp_path: Path) -> None:
    for number in range(2):
        numbers = range(5 * number, 5 * number + 5)
        table = pyarrow.table(
            {
                "image": [{"bytes": png(one), "path": None} for one in numbers],
                "caption": [f"picture {one}" for one in numbers],
            }
        )
        pyarrow.parquet.write_table(table, tmp_path / f"{number}.parquet", row_group_size=2)
    source = opened("parquet", tmp_path / "*.parquet")
    assert told(source) == expected(range(10))
    assert [source.read(index).caption for index in (9, 0, 5)] == [
        "picture 9",
        "picture 0",
        "picture 5",
    ]
    assert source.name(7) == "1.parquet/1/0"
    path = tmp_path / "1.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"1\.parquet must be a whole parquet file"):
        opened("parquet", tmp_path / "*.parquet")


def test_a_saved_hugging_face_data_set_is_read_by_split(tmp_path: Path) -> None:
    rows = {"image": [{"bytes": png(n), "path": None} for n in range(3)]}
    rows["text"] = [f"picture {n}" for n in range(3)]
    kind = datasets.Features({"image": datasets.Image(), "text": datasets.Value("string")})
    whole = datasets.Dataset.from_dict(rows, features=kind)
    whole.save_to_disk(tmp_path / "plain")
    datasets.DatasetDict({"dev": whole}).save_to_disk(tmp_path / "split")
    assert told(opened("huggingface", tmp_path / "plain")) == expected(range(3))
    assert told(opened("huggingface", tmp_path / "split", split="dev")) == expected(range(3))
    with pytest.raises(ValueError, match=r"must have the split 'train', got dev"):
        opened("huggingface", tmp_path / "split")


def talk(*values: str) -> list[dict[str, str]]:
    return [
        {"from": ("human", "gpt")[place % 2], "value": value} for place, value in enumerate(values)
    ]


def test_llava_instructions_become_turns_and_may_have_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(5))
    entries = [
        {
            "id": "1",
            "image": "a.png",
            "conversations": talk("<image>\nWhat?", "A cat.", "Why?", ""),
        },
        {"id": "2", "conversations": talk("Hello?", "Hello.")},
        {"id": "3", "conversations": talk("<image>\nWhat?", "A cat.")},
        {"id": "4", "image": "b.png", "conversations": talk("<image>\nWhat?", "A cat.")},
        {"id": "5", "image": "a.png", "conversations": talk("<image>\nWhat?")},
    ]
    (tmp_path / "talk.json").write_text(json.dumps(entries))
    source = opened("llava", tmp_path / "talk.json", images=str(tmp_path))
    first, second = source.read(0), source.read(1)
    assert first.turns == (("What?", "A cat."), ("Why?", ""))
    assert first.image[0, 0].tolist() == picture(5)[0, 0].tolist()
    assert second.turns == (("Hello?", "Hello."),)
    assert second.image is None
    reasons = [read_or_name(source, index).reason for index in (2, 3, 4)]
    assert reasons[0] == "a sample must have an image, got none."
    assert reasons[1].startswith("a sample must have an image, got no file")
    assert reasons[2] == "human and gpt must take turns, got ['human']."
    assert source.name(3) == "talk.json/4"


def test_a_record_needs_a_picture_only_where_its_conversation_shows_one() -> None:
    found = Fields().sample("one", {"conversations": talk("Hello?", "Hello.")})
    assert (found.image, found.turns) == (None, (("Hello?", "Hello."),))
    with pytest.raises(BrokenSampleError, match="must have an image, got none"):
        Fields().sample("one", {"conversations": talk("<image>\nWhat?", "A cat.")})


def test_folders_in_the_layouts_of_mjhq_and_journeydb_are_read(tmp_path: Path) -> None:
    meta = write_folder(tmp_path, 2)
    assert told(opened("mjhq", meta, images=str(tmp_path))) == expected(range(2))
    lines = [
        {"img_path": "./people/id0.png", "prompt": "wild", "Task2": {"Caption": "picture 0"}},
        {"img_path": "./people/id1.png", "prompt": "picture 1", "Task2": {}},
        {"img_path": "./people/id9.png", "prompt": "picture 9"},
    ]
    listing = tmp_path / "train.jsonl"
    listing.write_text("".join(json.dumps(one) + "\n" for one in lines))
    source = opened("journeydb", listing, images=str(tmp_path))
    assert [source.read(0).caption, source.read(1).caption] == ["picture 0", "picture 1"]
    with pytest.raises(BrokenSampleError, match="must have an image, got no file"):
        source.read(2)
    listing.write_text('{"img_path": "a"}\nnonsense\n')
    with pytest.raises(ValueError, match=r"train\.jsonl line 2 must be JSON, got 'nonsense'"):
        opened("journeydb", listing, images=str(tmp_path))


def test_lines_of_json_end_where_a_line_ends_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(5))
    texts = ["one\u2028two", "three\x85four"]
    lines = [json.dumps({"img_path": "a.png", "prompt": one}, ensure_ascii=False) for one in texts]
    listing = tmp_path / "train.jsonl"
    listing.write_text("\ufeff" + "\n\n".join(lines) + "\n\n", encoding="utf-8")
    source = opened("journeydb", listing, images=str(tmp_path))
    assert [source.read(index).caption for index in range(len(source))] == texts
    listing.write_bytes(b'{"img_path": "a.png", "prompt": "\xff"}')
    with pytest.raises(ValueError, match=r"train\.jsonl must be text in UTF-8, got .*0xff"):
        opened("journeydb", listing, images=str(tmp_path))


def test_the_key_of_mjhqs_mapping_names_the_picture_whatever_its_entry_says(tmp_path: Path) -> None:
    meta = write_folder(tmp_path, 2)
    entries = {key: {**one, "id": "else"} for key, one in json.loads(meta.read_text()).items()}
    meta.write_text(json.dumps(entries))
    assert told(opened("mjhq", meta, images=str(tmp_path))) == expected(range(2))


@pytest.mark.parametrize(
    ("form", "entry", "reason"),
    [
        (
            "journeydb",
            {"img_path": "a.png", "Task2": "text"},
            "Task2 must be a mapping, got",
        ),
        ("journeydb", {"img_path": 5, "prompt": "a"}, "an image must be given by the name of its"),
        ("llava", {"image": 7, "conversations": talk("a", "b")}, "an image must be given by the n"),
        ("llava", {"conversations": talk(["a"], "b")}, "a conversation must hold from and value"),
        ("mjhq", {"category": "people", "prompt": "a"}, "a sample must have an image, got no file"),
        (
            "mined",
            {"page": "a", "broken": []},
            "a pair must hold sources, target",
        ),
        (
            "mined",
            {"page": "a", "pairs": [{"target": "a.png"}]},
            "a pair must hold sources, target",
        ),
        (
            "mined",
            {"page": "a", "pairs": [{"sources": None, "target": "a.png", "instruction": "b"}]},
            "sources must be a list of files, got None.",
        ),
        (
            "mined",
            {"page": "a", "pairs": [{"sources": [], "target": "a.png", "instruction": "b"}]},
            "sources must be a list of files, got [].",
        ),
        (
            "mined",
            {"page": "a", "pairs": [{"sources": [1], "target": "a.png", "instruction": "b"}]},
            "an image must be given by the name of its file, got 1.",
        ),
    ],
)
def test_a_record_of_another_shape_is_a_broken_sample(
    tmp_path: Path, form: str, entry: dict, reason: str
) -> None:
    (tmp_path / "a.png").write_bytes(png(5))
    (tmp_path / "listing.json").write_text(json.dumps([entry]))
    source = opened(form, tmp_path / "listing.json", images=str(tmp_path))
    assert len(source) == 1
    found = read_or_name(source, 0)
    assert not isinstance(found, Sample)
    assert found.reason.startswith(reason)


def test_a_file_of_rows_that_is_damaged_inside_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes
    rows = {"image": [noise(1000) for _ in range(40)], "caption": ["a"] * 40}
    parquet = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table(rows), parquet)
    content = parquet.read_bytes()
    parquet.write_bytes(content[:4] + bytes(20_000) + content[20_004:])
    with pytest.raises(ValueError, match=rf"{parquet} must be a whole parquet file: "):
        opened("parquet", parquet).read(0)
    footer = parquet.with_name("b.parquet")
    footer.write_bytes(content[:-300] + b"\xff" * 100 + content[-200:])
    with pytest.raises(ValueError, match=rf"{footer} must be a whole parquet file: "):
        opened("parquet", footer)
    datasets.Dataset.from_dict(rows).save_to_disk(str(tmp_path / "hub"))
    arrow = next((tmp_path / "hub").glob("*.arrow"))
    arrow.write_bytes(arrow.read_bytes()[:20_000])
    with pytest.raises(ValueError, match=rf"{arrow} must be a whole arrow file: "):
        opened("huggingface", tmp_path / "hub")


def test_a_picture_is_upright_as_its_exif_says_and_on_white_where_transparent(
    tmp_path: Path,
) -> None:
    sides = np.zeros((4, 8, 3), dtype=np.uint8)
    sides[:, :4] = (255, 0, 0)  # left half red
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying: turn clockwise to see it
    turned, clear = io.BytesIO(), io.BytesIO()
    Image.fromarray(sides).save(turned, format="PNG", exif=exif)
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(clear, format="PNG")
    shard = tmp_path / "0.tar"
    with webdataset.TarWriter(str(shard)) as writer:
        writer.write({"__key__": "turned", "png": turned.getvalue(), "txt": "a"})
        writer.write({"__key__": "clear", "png": clear.getvalue(), "txt": "b"})
    source = opened("webdataset", shard)
    upright = source.read(0).image
    assert upright[0].tolist() == [[255, 0, 0]] * 4  # the top is what was left
    assert upright[3].tolist() == [[0, 0, 0]] * 4
    assert source.read(1).image.min() == 255


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"txt": "a cat"}, "a sample must have an image, got none."),
        ({"png": png(1)}, "a sample must have a text, got none."),
        ({"png": png(1), "txt": "  "}, "a sample must have a text, got none."),
        ({"png": png(1)[:40], "txt": "a"}, "an image must be whole, got "),
        ({"png": b"text", "txt": "a"}, "an image must be whole, got "),
        ({"png": png(1), "json": b"[1"}, "the member json must hold a mapping, got "),
    ],
)
def test_a_broken_sample_says_what_is_wrong_with_it(tmp_path: Path, members, reason) -> None:
    shard = tmp_path / "0.tar"
    with tarfile.open(shard, "w") as archive:
        for extension, content in members.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(f"one.{extension}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    found = read_or_name(opened("webdataset", shard), 0)
    assert not isinstance(found, Sample)
    assert found.name == "0.tar/one"
    assert found.reason.startswith(reason)


def test_named_fields_are_read_in_place_of_the_known_ones(tmp_path: Path) -> None:
    table = pyarrow.table(
        {"picture": [png(2)], "caption": ["wrong"], "recaption": ["picture 2"], "image": [png(3)]}
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    source = opened("parquet", tmp_path / "a.parquet", image="picture", text="recaption")
    assert told(source) == expected([2])


def test_a_named_column_that_a_table_lacks_is_refused(tmp_path: Path) -> None:
    rows = {"image": [png(2)], "caption": ["picture 2"]}
    pyarrow.parquet.write_table(pyarrow.table(rows), tmp_path / "a.parquet")
    datasets.Dataset.from_dict(rows).save_to_disk(str(tmp_path / "hub"))
    for form, path in (("parquet", tmp_path / "a.parquet"), ("huggingface", tmp_path / "hub")):
        for role in ("image", "text"):
            message = rf"{role} must name a column of {path}, image, caption, got 'recap'\."
            with pytest.raises(ValueError, match=message):
                opened(form, path, **{role: "recap"})


def test_a_row_whose_text_is_not_utf_8_is_a_broken_sample(tmp_path: Path) -> None:
    ends, letters = np.array([0, 1, 2], dtype=np.int32).tobytes(), b"\xffb"
    captions = pyarrow.StringArray.from_buffers(2, *map(pyarrow.py_buffer, (ends, letters)))
    table = pyarrow.table({"image": [png(1), png(2)], "caption": captions})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    source = opened("parquet", tmp_path / "a.parquet")
    assert read_or_name(source, 0).reason.startswith("texts must be in UTF-8, got ")
    assert source.read(1).caption == "b"


def test_a_source_that_is_not_there_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"path must name files, got none at .*\*\.tar"):
        opened("webdataset", tmp_path / "*.tar")
    (tmp_path / "none.json").write_text("[]")
    (tmp_path / "more.json").write_text("[]")
    with pytest.raises(ValueError, match=r"path must name one file, got 2 at .*\*\.json"):
        opened("mjhq", tmp_path / "*.json")
    with pytest.raises(ValueError, match=r"none\.json must hold samples, got none"):
        opened("llava", tmp_path / "none.json")
    with pytest.raises(ValueError, match=r"form must be one of webdataset, .* got 'zip'"):
        opened("zip", tmp_path)
    for folder in (tmp_path, ".", "/"):
        with pytest.raises(ValueError, match=rf"path must name files, got none at {folder}\."):
            opened("parquet", folder)
    with pytest.raises(ValueError, match=r"weight must be above 0 and finite, got inf for a\."):
        opened("mined", "a", weight=float("inf"))
    with pytest.raises(ValueError, match=r"crop must be one of centre, pad, stretch, got 'left'"):
        opened("llava", tmp_path / "none.json", crop="left")


def test_reading_leaves_no_file_open(tmp_path: Path) -> None:
    source = opened("webdataset", write_tar(tmp_path / "0.tar", range(3)))
    before = len(os.listdir("/proc/self/fd"))
    for index in range(3):
        source.read(index)
    assert len(os.listdir("/proc/self/fd")) == before
