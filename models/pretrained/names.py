"""What our tensors are called in Hugging Face checkpoints and in GGUF files."""

PARTS = {
    "attention_norm": ("input_layernorm", "attn_norm"),
    "attention.query": ("self_attn.q_proj", "attn_q"),
    "attention.key": ("self_attn.k_proj", "attn_k"),
    "attention.value": ("self_attn.v_proj", "attn_v"),
    "attention.output": ("self_attn.o_proj", "attn_output"),
    "attention.query_norm": ("self_attn.q_norm", "attn_q_norm"),
    "attention.key_norm": ("self_attn.k_norm", "attn_k_norm"),
    "feed_forward_norm": ("post_attention_layernorm", "ffn_norm"),
    "feed_forward.gate": ("mlp.gate_proj", "ffn_gate"),
    "feed_forward.up": ("mlp.up_proj", "ffn_up"),
    "feed_forward.down": ("mlp.down_proj", "ffn_down"),
}
"""A layer's part: ours, then Hugging Face's, then GGUF's."""
WORDS, HEAD = "words.weight", "head.weight"
OUTSIDE = {
    WORDS: ("model.embed_tokens.weight", "token_embd.weight"),
    HEAD: ("lm_head.weight", "output.weight"),
    "norm.weight": ("model.norm.weight", "output_norm.weight"),
}
"""The same for what stands outside the layers: word embeddings, text head, final norm."""


def hugging_face_name(name: str) -> str:
    """`layers.3.attention.query.bias` as `model.layers.3.self_attn.q_proj.bias`."""
    return _translated(name, 0, "model.layers.")


def gguf_name(name: str) -> str:
    """`layers.3.attention.query.bias` as `blk.3.attn_q.bias`."""
    return _translated(name, 1, "blk.")


def _translated(name: str, column: int, layers: str) -> str:
    if name in OUTSIDE:
        return OUTSIDE[name][column]
    _, number, rest = name.split(".", 2)
    part, _, kind = rest.rpartition(".")
    return f"{layers}{number}.{PARTS[part][column]}.{kind}"
