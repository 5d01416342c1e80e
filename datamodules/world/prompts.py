"""The world's benchmark prompts, as records of the official forms.

Three columns: `seen` speaks as training does of pairs that training shows, `paraphrase` asks for
the same in wordings that training never uses, `unseen` speaks as training does of held-out pairs.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import cycle, islice
from math import ceil
from typing import Any, Literal, get_args

from datamodules.world.dense_prompts import dpg_prompts
from datamodules.world.drafts import Draft
from datamodules.world.language import reading_order
from datamodules.world.questions import QUESTION_KINDS, Kind
from datamodules.world.randomness import Dice
from datamodules.world.reading import fact_question
from datamodules.world.wishes import OPENING, WISHES
from datamodules.world.wordings import IMPLICIT, NO, OPENINGS, YES
from datamodules.world.world import World

__all__ = [
    "caption_prompts",
    "dpg_prompts",
    "geneval_prompts",
    "official_geneval_records",
    "tuning_prompts",
    "vqa_questions",
    "wise_prompts",
]

Column = Literal["seen", "paraphrase", "unseen"]
COLUMNS: tuple[Column, ...] = get_args(Column)
Record = dict[str, Any]

TUNING_OPENING = OPENINGS.training[1]
MOST_OF_ONE_ANSWER: dict[Kind, float] = {"existence": 0.5, "comparison": 0.5}
"""Largest share of one answer among the questions of a kind; of others it is a third."""
PATIENCE = 400
"""Test scenes searched for one question before a kind counts as exhausted."""


def geneval_prompts(world: World, per_tag: int, column: Column) -> list[Record]:
    """Return up to `per_tag` GenEval records a tag, each with its `column`.

    The `unseen` column has no `single_object`, `two_object` and `counting`: they name no pair that
    could be held out. ValueError for an unknown column.
    """
    _require_column(column)
    records = []
    for tag, wishes in WISHES.items():
        wanted = [wish for wish in wishes(world) if wish.held_out == (column == "unseen")]
        dice = Dice("test", 0, f"geneval/{tag}/{column == 'unseen'}")
        for wish in dice.sample(wanted, min(per_tag, len(wanted))):
            prompt = wish.paraphrase if column == "paraphrase" else wish.prompt()
            records.append({"tag": tag, **wish.clauses, "prompt": prompt, "column": column})
    return records


def tuning_prompts(world: World, per_tag: int) -> list[Record]:
    """Return `per_tag` GenEval records a tag to tune sampling on, some twice where there are fewer.

    They ask for what the `seen` column could ask for, behind another of training's openings: no
    prompt of the benchmark is among them.
    """
    records = []
    for tag, wishes in WISHES.items():
        wanted = [wish for wish in wishes(world) if not wish.held_out]
        dice = Dice("dev", 0, f"geneval/{tag}")
        chosen = dice.sample(wanted, min(per_tag, len(wanted)))
        for wish in islice(cycle(chosen), per_tag):
            prompt = wish.prompt(TUNING_OPENING)
            records.append({"tag": tag, **wish.clauses, "prompt": prompt})
    return records


def official_geneval_records(world: World, records: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Return those of GenEval's official records whose objects, colours and counts exist here."""
    return [
        dict(record)
        for record in records
        if all(
            clause["class"] in world.by_name
            and clause.get("color", world.colours[0]) in world.colours
            and clause["count"] <= world.config.max_objects
            for clause in record["include"]
        )
    ]


def wise_prompts(world: World) -> list[Record]:
    """Return a WISE record for every fact that generation training does not draw itself.

    Beside the official keys: the `target` object, the fact's `tier`, and the `question` (in the
    benchmark's wording) whose answer shows whether the fact is known.
    """
    facts = [(entry, fact) for entry in world.objects for fact in entry.facts]
    records = []
    for number, (entry, fact) in enumerate(facts, start=1):
        if fact.tier == "shown":
            continue
        asked = fact_question(Dice("test", number, "wise"), entry, fact, benchmark=True)
        described = IMPLICIT.format(kind=entry.kind, predicate=fact.predicate)
        records.append(
            {
                "Prompt": OPENING.format(described),
                "Explanation": f"This refers to: {entry.name}",
                "Category": fact.group,
                "Subcategory": entry.category,
                "prompt_id": number,
                "target": entry.name,
                "tier": fact.tier,
                "question": asked.text,
            }
        )
    return records


def caption_prompts(world: World, count: int) -> list[Record]:
    """Return `count` captions of test scenes without held-out pairs, by the first object's kind."""
    records: list[Record] = []
    index = 0
    while len(records) < count:
        scene = world.scene("test", index)
        if not world.held_out.shown_in(scene.placed):
            category = world.by_name[reading_order(scene)[0].name].category
            caption = world.caption("test", index, scene)
            records.append(
                {"id": f"{index:06d}", "category": category, "prompt": caption, "scene": index}
            )
        index += 1
    return records


def vqa_questions(world: World, per_kind: int, column: Column) -> list[Record]:
    """Return up to `per_kind` questions a kind on test scenes, asked alone, answers balanced.

    In each form of question neither yes nor no is ahead by more than one, so that the wording of a
    question tells nothing of its answer. Fewer come of a kind that the world cannot ask so often,
    such as held-out pairs of a tiny world.
    """
    _require_column(column)
    chosen: list[tuple[int, Kind, str, Draft]] = []
    counts: Counter[str] = Counter()
    forms: Counter[tuple[str, str]] = Counter()
    for index in range(PATIENCE * per_kind):
        open_kinds: list[Kind] = [kind for kind in QUESTION_KINDS if counts[kind] < per_kind]
        if not open_kinds:
            break
        kind = open_kinds[index % len(open_kinds)]
        form, draft = _draft(world, index, kind, column)
        if draft is None or _is_ahead(forms, form, draft.answer):
            continue
        most = ceil(per_kind * MOST_OF_ONE_ANSWER.get(kind, 1 / 3))
        if counts[f"{kind}/{draft.answer}"] < most:
            counts.update([kind, f"{kind}/{draft.answer}"])
            forms[form, draft.answer] += 1
            chosen.append((index, kind, form, draft))
    return [_vqa_record(number, *one, column) for number, one in enumerate(chosen)]


def _is_ahead(forms: Counter[tuple[str, str]], form: str, answer: str) -> bool:
    """Return whether a form has had this answer, yes or no, more often than the other."""
    other = {YES: NO, NO: YES}.get(answer)
    return other is not None and forms[form, answer] > forms[form, other]


def _draft(world: World, index: int, kind: Kind, column: Column) -> tuple[str, Draft | None]:
    """Return a form and a question on test scene `index`, on a held-out pair for `unseen`."""
    scene = world.scene("test", index)
    held_out = world.held_out.names_in(scene.placed)
    unseen = column == "unseen"
    if bool(held_out) != unseen:
        return "", None
    view = world.view("test" if unseen else "train", scene)
    form, draft = world.questioner.formed(Dice("test", index, f"vqa/{kind}"), view, kind)
    if draft is None or not unseen:
        return form, draft
    about = {facet.split("/")[0] for facet in draft.asks | draft.reveals}
    return form, draft if about & held_out else None


def _vqa_record(
    number: int, index: int, kind: Kind, form: str, draft: Draft, column: Column
) -> Record:
    dice = Dice("test", index, f"vqa/{kind}/wording")
    question = draft.worded(kind, dice, benchmark=column == "paraphrase")
    return {
        "question_id": number,
        "image_id": index,
        "question": question.text,
        "answer": question.answer,
        "kind": kind,
        "form": form,
        "column": column,
    }


def _require_column(column: str) -> None:
    if column not in COLUMNS:
        raise ValueError(f"column must be one of {', '.join(COLUMNS)}, got {column!r}.")
