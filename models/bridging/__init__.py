"""A frozen model of transformers bridged to a pipeline of diffusers: `frozen_bridge` of whole
published models, which keep their own layers and sizes.

frozen_*.py        reads prompts with any such model, and queries after them
decoder_*.py       draws with Sana or Stable Diffusion, and what these learn to estimate
decoder_bridge.py  both, with queries and the connector between them
bridge_module.py   the LightningModule that trains it, and its config
"""
