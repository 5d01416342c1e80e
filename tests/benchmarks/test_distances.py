"""Moments and distances: against torch-fidelity, against torchmetrics, and by hand."""

import tracemalloc

import numpy as np
import pytest
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_kernel, poly_mmd

from benchmarks.distances import (
    Moments,
    frechet_distance,
    frechet_of_moments,
    gather,
    kernel_distance,
    subset_distance,
    unbiased_mmd,
)

RANDOM = np.random.default_rng(0)


def normal(rows, dimensions=8, shift=0.0):
    return RANDOM.normal(shift, 1, (rows, dimensions))


def planted(rows, dimensions=64):
    """Features like Inception's: none below zero, correlated, far from the origin, float32."""
    mixing = RANDOM.normal(size=(dimensions, dimensions)) / dimensions**0.5
    return np.abs(normal(rows, dimensions) @ mixing + 0.4).astype(np.float32)


def test_moments_of_two_pairs_joined_are_those_of_all_four_rows():
    moments = gather([np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[5.0, 4.0], [7.0, 4.0]])], 2)
    # means (1+3+5+7)/4 and (0+0+4+4)/4; deviations -3 -1 1 3 and -2 -2 2 2:
    # squares 9+1+1+9 and 4*4, products 6+2+2+6, each over n-1 = 3
    assert moments.count == 4
    np.testing.assert_allclose(moments.mean, [4.0, 2.0])
    np.testing.assert_allclose(moments.covariance, [[20 / 3, 16 / 3], [16 / 3, 16 / 3]])


def test_moments_gathered_in_uneven_chunks_equal_numpy_though_the_mean_is_a_million():
    rows = normal(101, 5) + 1e6
    moments = gather([rows[:1], rows[1:60], rows[60:]], 5)
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(rows, rowvar=False), rtol=1e-6)


def test_the_covariance_of_one_image_is_refused():
    with pytest.raises(ValueError, match="must have at least 2 images, got 1"):
        _ = Moments.of(normal(1)).covariance


def test_memory_does_not_grow_with_the_number_of_images():
    def peak(chunks):
        tracemalloc.start()
        gather((np.zeros((100, 64)) + number for number in range(chunks)), 64)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(40) < 1.1 * peak(4)


def test_the_frechet_distance_of_two_known_normals_is_the_closed_form():
    # covariances diag(1, 4) and diag(9, 16), means 0 and (3, 4):
    # 9 + 16 + (1 + 9 - 2 * 3) + (4 + 16 - 2 * 8) = 33
    real = Moments(3, np.zeros(2), 2 * np.diag([1.0, 4.0]))
    made = Moments(3, np.array([3.0, 4.0]), 2 * np.diag([9.0, 16.0]))
    assert frechet_of_moments(real, made) == pytest.approx(33.0, abs=1e-12)


def test_the_frechet_distance_equals_torch_fidelity_on_the_same_features():
    real, made = planted(500), planted(400) * 1.2
    statistics = [fid_features_to_statistics(torch.from_numpy(rows)) for rows in (real, made)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(real, made) == pytest.approx(expected, abs=1e-3)
    assert frechet_distance(real, made) == pytest.approx(expected, rel=1e-5)


def test_the_frechet_distance_equals_torchmetrics():
    real, made = normal(200), normal(150, shift=0.5) * 2
    parts = [torch.from_numpy(rows) for rows in (real, made)]
    moments = [moment for rows in parts for moment in (rows.mean(0), torch.cov(rows.T))]
    assert frechet_distance(real, made) == pytest.approx(float(_compute_fid(*moments)), rel=1e-9)


def test_the_frechet_distance_stays_real_where_the_covariance_is_singular():
    real, made = normal(6, dimensions=40), normal(6, dimensions=40)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-4)
    assert frechet_distance(real, made) > 1


def test_the_frechet_distance_of_a_set_to_itself_moved_is_the_square_of_the_move():
    real = normal(100)
    assert frechet_distance(real, real + 3.0) == pytest.approx(8 * 3.0**2)


def test_feature_sets_of_different_extractors_are_refused():
    with pytest.raises(ValueError, match="must have the same features, got 8 and 9"):
        frechet_distance(normal(20), normal(20, dimensions=9))


def test_the_unbiased_distance_of_two_pairs_of_numbers_is_worked_out_by_hand():
    # one feature: kernel (x y + 1)^3. Real 0 and 1: k = 1. Made 1 and 2: k = 27.
    # across: k(0, .) = 1, 1; k(1, 1) = 8, k(1, 2) = 27: mean 37 / 4. 1 + 27 - 2 * 9.25 = 9.5
    assert unbiased_mmd(np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])) == pytest.approx(9.5)
    with pytest.raises(ValueError, match="must have at least 2 images, got 1"):
        unbiased_mmd(np.array([[0.0], [1.0]]), np.array([[1.0]]))


def test_the_subset_distance_equals_torch_fidelity_on_the_same_features():
    real, made = planted(130), planted(110) + 0.1
    settings = {"kid_subsets": 7, "kid_subset_size": 40, "verbose": False}
    parts = [torch.from_numpy(rows) for rows in (real, made)]
    expected = kid_features_to_metric(*parts, **settings)
    value, spread = subset_distance(real, made, subsets=7, size=40)
    assert value == pytest.approx(expected["kernel_inception_distance_mean"], abs=1e-5)
    assert spread == pytest.approx(expected["kernel_inception_distance_std"], abs=1e-5)


def test_sets_smaller_than_a_subset_are_compared_whole():
    real, made = normal(20), normal(30, shift=0.5)
    assert subset_distance(real, made) == (pytest.approx(unbiased_mmd(real, made)), 0.0)


def test_the_kernel_distance_equals_torchmetrics_but_for_pairs_of_one_caption():
    real, made = normal(50), normal(50, shift=0.5)
    parts = [torch.from_numpy(rows) for rows in (real, made)]
    across = poly_kernel(*parts)
    apart = (across.sum() - across.trace()) / (50 * 49)
    expected = poly_mmd(*parts) + 2 * across.mean() - 2 * apart
    assert kernel_distance(real, made)[0] == pytest.approx(float(expected), rel=1e-9)


def test_the_pseudo_values_are_those_of_leaving_one_pair_out():
    real, made = normal(12), normal(12, shift=0.5)
    value, pseudo = kernel_distance(real, made)
    kept = np.arange(12) != 4
    without = kernel_distance(real[kept], made[kept])[0]
    assert pseudo[4] == pytest.approx(12 * value - 11 * without)
    assert pseudo.mean() == pytest.approx(value)
