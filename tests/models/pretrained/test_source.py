"""Where a checkpoint lies: what a name means, and what is fetched of a repository."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.utils import filter_repo_objects

from models.pretrained.source import locate


@pytest.mark.parametrize("name", ["nowhere", "./nowhere/at all", "a/b/c"])
def test_a_name_that_means_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"checkpoint must be a folder, a \.gguf file, a hub id"):
        locate(name)


def test_a_hub_id_that_is_not_in_the_cache_is_refused_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match=r"checkpoint must be a folder or a repo.*'owner/name'"):
        locate("owner/name")


def test_config_weights_tokenizer_and_template_are_fetched_and_no_weights_in_another_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ["config.json", "model-00001-of-00002.safetensors", "tokenizer.model", "merges.txt"]
    wanted.append("chat_template.jinja")
    fetched: list[str] = []

    def download(name: str, **patterns: Any) -> str:
        fetched.extend(filter_repo_objects([*wanted, "pytorch_model.bin"], **patterns))
        return str(tmp_path)

    monkeypatch.setattr("models.hub.snapshot_download", download)
    assert locate("owner/name").folder == tmp_path
    assert fetched == wanted
