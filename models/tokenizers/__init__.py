"""How images become tokens, one form a file, and the encoders that only look at images.

`kinds.py` opens the one that a config names: `tokenizer.kind` chooses the codes that the trunk
reads and draws, `encoder.kind` what stands at the image's positions when it is to be understood.
"""
