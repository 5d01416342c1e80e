"""Annotations in COCO's form."""

import json

STEMS = [f"COCO_val2014_{number:012d}" for number in range(40)]


def annotations(images=40, captions=3):
    return {
        "info": {},
        "images": [{"id": n, "file_name": f"{STEMS[n]}.jpg"} for n in range(images)],
        "annotations": [
            {"id": 10 * n + m, "image_id": n, "caption": f"image  {n},\ncaption {m} "}
            for n in range(images)
            for m in range(captions)
        ],
    }


def written(folder, document):
    (folder / "captions_val2014.json").write_text(json.dumps(document))
    return folder / "captions_val2014.json"
