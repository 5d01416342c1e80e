"""Instruction pairs mined from pages of pictures and text, as MetaQuery's (arXiv 2504.06256).

    page ──▶ captions ──▶ vectors ──▶ groups of like captions

In each group the picture least like the others is the target, the others are sources, and a
vision-language model writes the instruction that leads from these to that.

Pictures that stand together on a page and are told of alike are related as no synthetic edit is.
"""
