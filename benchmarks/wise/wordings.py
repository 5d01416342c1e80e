"""What a judge is asked. The official texts have no licence, so they do not stand here: these are
our own, and a file may be given in their place. Scores under two wordings are not the same measure.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEGACY = """Grade the image on three points, each 0, 1 or 2. Grade strictly: in doubt, the lower.

Consistency: does it show everything that the prompt asks for, as the explanation says it should
look? 0 = something essential is missing or wrong, 1 = in part, 2 = all of it.
Realism: could it be a photograph or a sound depiction? 0 = plainly impossible or artificial,
1 = small faults, 2 = none to be seen.
Aesthetic Quality: composition, colour, appeal. 0 = poor, 1 = ordinary, 2 = outstanding.

Prompt: {prompt}
Explanation: {explanation}

Reply with these three lines and nothing else, a digit in place of N:
Consistency: N
Realism: N
Aesthetic Quality: N
"""
VERIFIED = """Does the image show what the prompt alludes to? The explanation says what must be
seen. Style and beauty do not count. In doubt, it does not.

Prompt: {prompt}
Explanation: {explanation}

Reply with one line: "Score: 1" if it does, "Score: 0" if it does not.
"""
OWN = {"legacy": LEGACY, "verified": VERIFIED}


@dataclass(frozen=True)
class Wording:
    """A text with places for {prompt} and {explanation}, and the system text of a chat judge."""

    text: str
    system: str = ""
    name: str = "own"

    def __post_init__(self) -> None:
        for place in ("{prompt}", "{explanation}"):
            if place not in self.text:
                raise ValueError(f"a judge's text must have a place {place}, got none.")

    def fill(self, prompt: Mapping[str, Any]) -> str:
        """Return the text for a record of the official JSON."""
        filled = self.text.replace("{explanation}", str(prompt["Explanation"]))
        return filled.replace("{prompt}", str(prompt["Prompt"]))

    @property
    def protocol(self) -> dict[str, str]:
        """Name and hash, as they go into the result."""
        digest = hashlib.sha256(f"{self.system}\n{self.text}".encode()).hexdigest()
        return {"name": self.name, "sha256": digest}


def read_wording(mode: str, text: Path | None, system: Path | None) -> Wording:
    """Return the wording of the given files, our own of `mode` where none is given."""
    return Wording(
        text.read_text() if text else OWN[mode],
        system.read_text().strip() if system else "",
        text.name if text else "own",
    )
