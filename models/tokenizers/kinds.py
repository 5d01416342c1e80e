"""Which image tokenizer a config names, and how it is opened: the one place that knows them all.

| tokenizer.kind | what it is                                            | where it comes from |
|----------------|-------------------------------------------------------|---------------------|
| fsq            | a small finite scalar quantiser, a code a patch       | fitted to the world |
| residual       | the same with several codes a patch, each on the rest | fitted to the world |
| vqmodel        | VQModel of diffusers                                  | `tokenizer.path`    |
| janus          | Janus' VQ, of transformers                            | `tokenizer.path`    |
| emu3           | Emu3's VQ, of transformers                            | `tokenizer.path`    |
| chameleon      | Chameleon's VQ, in its form of transformers           | `tokenizer.path`    |
| autoencoder    | an autoencoder of diffusers: latents, no codes        | `tokenizer.path`    |

A path is a folder or a hub's repository: the tokenizer alone or the whole model that has it.
"""

import json
from pathlib import Path

import torch

from models.image_tokens import ImageTokenizer, ImageTokenizerConfig
from models.tokenizers.checkpoint import local_folder
from models.tokenizers.codec import Codec
from models.tokenizers.pixel_scale import PixelScale
from models.tokenizers.pretrained import ABOUT, NETWORK, PretrainedCodec
from models.tokenizers.residual import ResidualTokenizer

FITTED_FILE = "tokenizer.pt"


def fitted_class(kind: str) -> type[ImageTokenizer]:
    """The class of a tokenizer that is fitted to the world's images."""
    return ResidualTokenizer if kind == "residual" else ImageTokenizer


def pretrained_class(kind: str) -> type[PretrainedCodec]:
    """The class of a pretrained one; its libraries are imported where it is asked for."""
    from models.tokenizers.autoencoder import AutoencoderCodec
    from models.tokenizers.chameleon import ChameleonCodec
    from models.tokenizers.emu3 import Emu3Codec
    from models.tokenizers.janus import JanusCodec
    from models.tokenizers.vqmodel import VQModelCodec

    known = (AutoencoderCodec, ChameleonCodec, Emu3Codec, JanusCodec, VQModelCodec)
    return {one.kind: one for one in known}[kind]


def new_codec(config: ImageTokenizerConfig) -> Codec:
    """An unfitted tokenizer, or a pretrained one opened at its path."""
    if config.is_fitted:
        return fitted_class(config.kind)(config)
    folder = local_folder(config.path, "tokenizer.path")
    return pretrained_class(config.kind).open(folder).sized(config.pixels)


def save_codec(codec: Codec, folder: Path) -> None:
    if isinstance(codec, ImageTokenizer):
        codec.save(str(folder / FITTED_FILE))
    elif isinstance(codec, PretrainedCodec):
        codec.save(folder)


def load_codec(folder: Path) -> Codec:
    """What `save_codec` left in `folder`."""
    if not (folder / ABOUT).exists():
        path = str(folder / FITTED_FILE)
        kind = torch.load(path, weights_only=True)["config"].get("kind", "fsq")
        return fitted_class(kind).load(path)
    about = json.loads((folder / ABOUT).read_text())
    codec = pretrained_class(about["kind"]).open(folder / NETWORK)
    scale = about["scale"]
    codec.scale = PixelScale(scale["factor"], tuple(scale["mean"]), tuple(scale["deviation"]))
    return codec.sized(about["pixels"])
