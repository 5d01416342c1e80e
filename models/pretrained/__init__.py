"""Published language models in the place of stage 0: read into our trunk, and written back.

    config.json ──▶ PretrainedTrunkConfig ──▶ the same Block that every arm stands on
    *.safetensors or *.gguf ── names ──▶ tensors of a shared trunk ──▶ start_trunk of any arm

The Llama and Qwen families are the block of models/blocks.py with declared options: biases on
queries, keys and values (Qwen2), RMS norm over a head's channels (Qwen3), heads of their own width,
scaled rotary positions. Nothing else of an architecture changes: a fork's branches start as copies
and experts as copies of the feed-forward by the architectures' own `start_from`.

`unified/` tunes published models that draw as well, and that our trunk has no part in.
"""
