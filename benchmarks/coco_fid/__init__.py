"""COCO FID: how far images drawn from COCO's captions lie, as a set, from COCO's own.

The usual protocol of zero-shot drawing since DALL-E (Ramesh et al. 2021, arXiv 2102.12092): 30,000
captions of COCO 2014's validation images (Lin et al. 2014, arXiv 1405.0312), one image each.
`captions` chooses them, `scoring` compares features, `command` serves the command line; drawing,
Inception's features and the distances are those of `mjhq_fid`.
"""
