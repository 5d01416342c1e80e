"""Every sentence pattern of the world: those of training, and those that only a benchmark uses.

Texts are lower-case words with single spaces between them, punctuation included. A benchmark's
pattern is made of words that training knows, in an order that training never shows.
"""

from dataclasses import dataclass

NUMBERS = ("zero", "one", "two", "three", "four")
YES, NO, NOTHING = "yes", "no", "nothing"


@dataclass(frozen=True)
class Wording:
    """Patterns with named slots; `training` ones are drawn at random."""

    training: tuple[str, ...]
    benchmark: str


OPENINGS = Wording(("a photo of {}", "a picture of {}", "{}"), "a picture that shows {}")
"""How a caption begins; the first is GenEval's own."""

FULL_OPENINGS = ("a photo of {}", "the picture shows {}", "there is {}", "{}")

RELATED = Wording(
    ("{subject} {relation} {target}",), "a picture where {subject} is {relation} {target}"
)
TINTED = Wording(("{article} {colour} {name}",), "{article} {name} that is {colour}")
PLACED = "{thing} in the {place}"
PLACED_BRIEFLY = "{thing} {place}"
IMPLICIT = "the {kind} that {predicate}"
FACT_TOLD = "{thing} {predicate} ."

QUESTIONS = {
    "existence": Wording(
        ("is there {thing} ?", "does the picture show {thing} ?"), "is {thing} in the picture ?"
    ),
    "count": Wording(
        ("how many {plural} are there ?", "how many {plural} does the picture show ?"),
        "how many {plural} are in the picture ?",
    ),
    "colour": Wording(
        ("what colour is the {name} ?", "which colour does the {name} have ?"),
        "the {name} is what colour ?",
    ),
    "place of": Wording(
        ("where is the {name} ?", "in which corner is the {name} ?"),
        "which corner is the {name} in ?",
    ),
    "at place": Wording(
        ("what is in the {place} ?", "what does the {place} show ?"), "the {place} shows what ?"
    ),
    "related": Wording(
        (
            "is the {name} {relation} the {other} ?",
            "does the picture show the {name} {relation} the {other} ?",
        ),
        "in the picture is the {name} {relation} the {other} ?",
    ),
    "related to": Wording(
        ("what is {relation} the {name} ?", "what does the picture show {relation} the {name} ?"),
        "the picture shows what {relation} the {name} ?",
    ),
    "more": Wording(
        (
            "are there more {plural} than {others} ?",
            "does the picture show more {plural} than {others} ?",
        ),
        "are more {plural} than {others} in the picture ?",
    ),
    "same colour": Wording(
        (
            "do the {name} and the {other} have the same colour ?",
            "is the {name} the same colour as the {other} ?",
        ),
        "are the {name} and the {other} the same colour ?",
    ),
    "caption": Wording(
        ("describe the picture .", "what does the picture show ?"), "what is in the picture ?"
    ),
    "fact": Wording(
        ("which {kind} {predicate} ?", "name the {kind} that {predicate} ."),
        "what is the {kind} that {predicate} ?",
    ),
}

JOINING = ("a", "an", "and", ",")


def words_of_patterns() -> set[str]:
    """Return every fixed word of every pattern, the numbers and short answers included."""
    wordings = (OPENINGS, RELATED, TINTED, *QUESTIONS.values())
    patterns = [*FULL_OPENINGS, PLACED, PLACED_BRIEFLY, IMPLICIT, FACT_TOLD]
    for wording in wordings:
        patterns += [*wording.training, wording.benchmark]
    words = {word for pattern in patterns for word in pattern.split() if "{" not in word}
    return words | {*NUMBERS, YES, NO, NOTHING, *JOINING}
