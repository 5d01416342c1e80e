"""Architectures and the LightningModules that train them.

They know no data set, no benchmark and no tracker.

Axis letters in every signature:

    b  sequences in a batch        n  positions of a sequence     m  positions attended to
    d  trunk width                 h  query heads                 g  key-value heads
    c  channels of one head        f  feed-forward width          v  vocabulary or codebook size
    t  tokens, sequences flattened k  experts chosen per token    e  experts of a group
    q  query tokens of the bridge  p  image positions (tokens)    l  latent channels of a token
"""

from typing import Literal

Task = Literal["understand", "generate"]
TASKS: tuple[Task, ...] = ("understand", "generate")
