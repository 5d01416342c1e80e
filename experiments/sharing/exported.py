"""An arm as a folder that stands alone, in the usual files; `save_arm` writes it, `load_arm` reads.

config.json                   what the arm is built from, and how it is sampled
model.safetensors             every tensor of its module
image_tokenizer.safetensors   the codec's
tokenizer.json                its words, in the form of Hugging Face's tokenizers
language/                     in its place, tokenizer and config of the published model it speaks by
language_model/               the published model that it is a bridge to, whole
README.md                     the model card
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from torch import nn

from experiments.build import device, untrained_module
from experiments.config import CellConfig, Layer, resolve, with_sections
from experiments.language import bridged_to, checkpoint_of
from experiments.language.trunk import with_published_trunk
from experiments.language.words import text_tokens
from experiments.schema import load_schema
from experiments.scoring.model import TrainedModel
from experiments.store.markers import write_json
from models.architectures import architecture
from models.image_tokens import ImageTokenizerConfig
from models.module import UnifiedModule
from models.pretrained.checkpoint import read_checkpoint, save_checkpoint
from models.pretrained.source import Source, locate
from models.text_tokens import SPECIAL, TextTokens
from models.tokenizers.codec import Codec
from models.tokenizers.encoders import feature_map
from models.tokenizers.kinds import fitted_class, load_codec, save_codec
from models.unified import Vocabulary

CONFIG, WEIGHTS = "config.json", "model.safetensors"
CODEC, WORDS, LANGUAGE = "image_tokenizer.safetensors", "tokenizer.json", "language"
LANGUAGE_MODEL = "language_model"
PARTS = ("world", "tokenizer", "encoder", "model", "stage0", "train", "conditioned")


def load_arm(folder: Path, kind: type[TrainedModel] = TrainedModel) -> TrainedModel:
    """The arm that `save_arm` wrote; it draws and answers as in its run, bit for bit.

    Raises ValueError, which names the file, for a config that is none, missing, extra or misshapen
    tensors, a truncated file, or words that are not the arm's.
    """
    config = read_config(folder)
    words = text_tokens(config) if checkpoint_of(config) else read_words(folder / WORDS)
    codec = read_codec(folder, config.tokenizer)
    module = empty_module(config, words, codec)
    load_tensors(module, folder / WEIGHTS)
    module = module.to(device()).eval()
    return kind(config, words, codec, module, config.sampling, str(folder))


def save_arm(model: TrainedModel, config: CellConfig, folder: Path) -> None:
    """Writes everything but the card; `config` is the view that the model was built with.

    Raises ValueError for a published model that is no longer where the config says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = {name: dataclasses.asdict(getattr(config, name)) for name in PARTS}
    if published := bridged_to(config):
        save_published(locate(published), folder / LANGUAGE_MODEL)
        values["model"]["pretrained"] = LANGUAGE_MODEL
    sampling = dataclasses.asdict(model.sampling)
    write_json(folder / CONFIG, {**values, "sampling": sampling, "seed": config.seed})
    save_tensors(model.module, folder / WEIGHTS)
    if isinstance(model.tokenizer, nn.Module):
        save_tensors(model.tokenizer, folder / CODEC)
    else:
        save_codec(model.tokenizer, folder)
    if checkpoint := checkpoint_of(config):
        save_language(locate(checkpoint), folder / LANGUAGE)
    else:
        written_words(model.words).save(str(folder / WORDS))


def save_language(source: Source, folder: Path) -> None:
    """Writes what a published model's words are read from, without its weights."""
    source.tokenizer().save_pretrained(folder)
    source.config().save_pretrained(folder)


def save_published(source: Source, folder: Path) -> None:
    """Writes a published model whole, as transformers reads it."""
    save_checkpoint(read_checkpoint(source), folder)
    source.tokenizer().save_pretrained(folder)


def read_codec(folder: Path, config: ImageTokenizerConfig) -> Codec:
    """A fitted tokenizer by its config and tensors, a pretrained one as its own format has it."""
    if not config.is_fitted:
        return load_codec(folder)
    codec = fitted_class(config.kind)(config).eval()
    load_tensors(codec, folder / CODEC)
    return codec


def empty_module(config: CellConfig, words: TextTokens, codec: Codec) -> UnifiedModule:
    """The arm's module with all its parts; those of a published model have their values."""
    if bridged_to(config):
        kind: Any = architecture(config.model.name).module
        return kind.published(config.model, words, codec, config.train, config.seed)
    known = Vocabulary.around(len(words), codec, feature_map(config.encoder))
    return untrained_module(config, known, codec, config.seed)


def save_tensors(module: nn.Module, path: Path) -> None:
    tensors = {name: value.cpu().contiguous() for name, value in module.state_dict().items()}
    save_file({name: value.clone() for name, value in tensors.items()}, path, {"format": "pt"})


def load_tensors(module: nn.Module, path: Path) -> None:
    try:
        module.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise ValueError(f"{path} must exist, got no such file.") from None
    except SafetensorError as error:
        raise ValueError(f"{path} must be a whole safetensors file: {error}.") from None
    except RuntimeError as error:
        raise ValueError(f"{path} must hold this arm's tensors: {error}") from None


def read_config(folder: Path) -> CellConfig:
    """The checked config, with its section `sampling`; what it has of a published model is read
    from the folder's own copy."""
    path = folder / CONFIG
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        raise ValueError(f"{folder} must hold an exported arm, got no {CONFIG}.") from None
    except ValueError as error:
        raise ValueError(f"{path} must be JSON: {error}.") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold a mapping, got {type(values).__name__}.")
    if (folder / LANGUAGE).is_dir():
        values["language"] = {"checkpoint": str(folder / LANGUAGE)}
    config = with_published_trunk(resolve(load_schema(), [Layer(str(path), values)], str(path)))
    if not bridged_to(config):
        return config
    model = dataclasses.replace(config.model, pretrained=str(folder / LANGUAGE_MODEL))
    return with_sections(config, model=model)


def written_words(words: TextTokens) -> Tokenizer:
    """The words as a tokenizer that splits at spaces and refuses what is no word of theirs."""
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words.words)}))
    tokenizer.pre_tokenizer = WhitespaceSplit()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def read_words(path: Path) -> TextTokens:
    try:
        vocabulary: dict[str, int] = json.loads(path.read_text())["model"]["vocab"]
    except FileNotFoundError:
        raise ValueError(f"{path} must exist, got no such file.") from None
    except (json.JSONDecodeError, KeyError, TypeError):
        raise ValueError(f"{path} must be a word-level tokenizer, got something else.") from None
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    if tuple(words[: len(SPECIAL)]) != SPECIAL:
        raise ValueError(f"{path} must begin with {SPECIAL}, got {words[: len(SPECIAL)]}.")
    return TextTokens(words[len(SPECIAL) :])
