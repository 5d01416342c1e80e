"""Where one box stands in relation to another, by GenEval's official rule."""

Box = tuple[int, int, int, int]

RELATIONS = ("left of", "right of", "above", "below")
INVERSE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}

POSITION_THRESHOLD = 0.1
"""The part of both boxes' sides by which centres must differ before a direction counts."""


def relation(box: Box, other: Box) -> set[str]:
    """Return every relation of `box` to `other`; two may hold at once, or none.

    Boxes are (left, top, right, bottom). Source: `relative_position` of
    https://github.com/djghosh13/geneval at af4902f.
    """
    offset_x = (box[0] + box[2] - other[0] - other[2]) / 2
    offset_y = (box[1] + box[3] - other[1] - other[3]) / 2
    sides_x = box[2] - box[0] + other[2] - other[0]
    sides_y = box[3] - box[1] + other[3] - other[1]
    revised_x = max(abs(offset_x) - POSITION_THRESHOLD * sides_x, 0)
    revised_y = max(abs(offset_y) - POSITION_THRESHOLD * sides_y, 0)
    if revised_x < 1e-3 and revised_y < 1e-3:
        return set()
    length = (offset_x**2 + offset_y**2) ** 0.5
    found = set()
    if revised_x / length > 0.5:
        found.add("right of" if offset_x > 0 else "left of")
    if revised_y / length > 0.5:
        found.add("below" if offset_y > 0 else "above")
    return found
