"""Judges of the world: they find objects in images that they did not draw.

`learnt.LearntJudge` is a trained detector, `template.TemplateJudge` a matched filter; they share
no code beyond `detection`, so that their agreement says something. `measure` tells how good a
judge is. This package imports torch only where a judge needs it.
"""
