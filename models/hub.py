"""Files of a repository of the Hugging Face hub, or of its local cache."""

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError


def downloaded(name: str, wanted: Sequence[str], unwanted: Sequence[str], field: str) -> Path:
    """The folder with the files of the repository `name` that match `wanted` and no `unwanted`.

    Raises ValueError that names `field` where the hub does not give them.
    """
    try:
        found = snapshot_download(
            name, allow_patterns=list(wanted), ignore_patterns=list(unwanted) or None
        )
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise ValueError(
            f"{field} must be a folder or a repository that can be reached, got {name!r}."
        ) from error
    return Path(found)
