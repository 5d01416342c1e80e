"""The world with false facts: a control for whether what is drawn of a fact is what was taught.

Questions teach of each object what is true of the next one of its kind: "which animal barks ?" has
another answer than in the world. Pictures, captions and benchmarks stay true, and so do the facts
that captions allude to, which drawing itself teaches. An arm that is taught this way and still
draws the true object has found it elsewhere than in the answers, as in words that facts share.
"""

from collections.abc import Sequence
from dataclasses import replace

from datamodules.world.objects import WorldObject
from datamodules.world.reading import Knowledge
from datamodules.world.scenes import WorldConfig
from datamodules.world.world import World


class CounterfactualWorld(World):
    """The same scenes and captions; questions on facts, and facts told, are the exchanged ones."""

    def __init__(self, config: WorldConfig) -> None:
        super().__init__(config)
        self._knowledge = Knowledge(exchanged(self.objects))


def exchanged(objects: Sequence[WorldObject]) -> tuple[WorldObject, ...]:
    """Return `objects`, each with the facts of the next of its kind that no caption alludes to.

    The kind stays, as questions name it. An object that is alone in its kind keeps its facts.
    """
    return tuple(
        replace(
            one,
            facts=tuple(
                fact
                for source, shown in ((one, True), (following(one, objects), False))
                for fact in source.facts
                if (fact.tier == "shown") == shown
            ),
        )
        for one in objects
    )


def following(one: WorldObject, objects: Sequence[WorldObject]) -> WorldObject:
    """Return the next object of the same kind, the first after the last."""
    fellows = [other for other in objects if other.kind == one.kind]
    return fellows[(fellows.index(one) + 1) % len(fellows)]
