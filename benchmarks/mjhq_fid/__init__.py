"""MJHQ: how far generated images lie, as a set, from real ones of the same captions.

The official benchmark (Playground v2.5, arXiv 2402.17245) is the FID of 30,000 images. Here any
feature extractor serves, and its name, size and number of images stand in the metric's name; on
features other than Inception's the distance is never called FID.

`folder` turns images into a feature file, `official` compares two such files by the benchmark's
categories, `paired` compares one with the features beside the embedded world's prompts, and
`commands` serves the command line.
"""

from benchmarks.distances import frechet_distance, kernel_distance
from benchmarks.mjhq_fid.extraction import judge
from benchmarks.mjhq_fid.features import FEATURES, map_features, read_features, write_features
from benchmarks.mjhq_fid.folder import generate
from benchmarks.mjhq_fid.paired import AGAIN, REFERENCE, score

__all__ = [
    "AGAIN",
    "FEATURES",
    "REFERENCE",
    "frechet_distance",
    "generate",
    "judge",
    "kernel_distance",
    "map_features",
    "read_features",
    "score",
    "write_features",
]
