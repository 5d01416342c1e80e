"""What an adapter is given: a name, and settings behind a question mark."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

Number = int | float


def split_settings(given: str, defaults: Mapping[str, Number]) -> tuple[str, dict[str, Number]]:
    """Return NAME and settings of `NAME?key=number&key=number`, `defaults` where nothing is said.

    ValueError names a setting that is not among the defaults, or no number.
    """
    name, _, query = given.partition("?")
    settings = dict(defaults)
    for key, text in parse_qsl(query, keep_blank_values=True):
        if key not in defaults:
            known = ", ".join(defaults) or "none"
            raise ValueError(f"a setting of --model must be one of {known}, got {key!r}.")
        try:
            settings[key] = float(text) if isinstance(defaults[key], float) else int(text)
        except ValueError:
            raise ValueError(f"--model's {key} must be a number, got {text!r}.") from None
    return name, settings
