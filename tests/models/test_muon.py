"""Muon by shape is torch's Muon."""

import torch

from models.muon import BatchedMuon, orthogonal

SHAPES = ((8, 8), (24, 8), (8, 24), (8, 8), (24, 8))


def test_three_steps_are_those_of_torch_for_square_tall_and_wide_matrices() -> None:
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=generator) for shape in SHAPES]
    slopes = [[torch.randn(shape, generator=generator) for shape in SHAPES] for _ in range(3)]
    ends = []
    for kind in (torch.optim.Muon, BatchedMuon):
        matrices = [torch.nn.Parameter(matrix.clone()) for matrix in start]
        optimizer = kind(matrices, lr=0.1, weight_decay=0.05)
        for step in slopes:
            for matrix, slope in zip(matrices, step, strict=True):
                matrix.grad = slope.clone()
            optimizer.step()
        ends.append([matrix.detach() for matrix in matrices])
    for ours, theirs, before in zip(ends[1], ends[0], start, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-3)  # a bf16 step of updates
        assert (theirs - before).abs().max() > 0.05


def test_a_matrix_without_gradient_is_left_alone() -> None:
    matrices = [torch.nn.Parameter(torch.eye(4)) for _ in range(2)]
    matrices[1].grad = torch.ones(4, 4)
    BatchedMuon(matrices, lr=0.1, weight_decay=0.5).step()
    assert torch.equal(matrices[0], torch.eye(4))
    assert not torch.equal(matrices[1], torch.eye(4))


def test_singular_values_come_near_one_and_their_directions_stay() -> None:
    generator = torch.Generator().manual_seed(1)
    left, _ = torch.linalg.qr(torch.randn(12, 6, generator=generator))
    right, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator))
    values = torch.tensor([3.0, 2.0, 1.0, 0.8, 0.6, 0.5])
    found = orthogonal(
        (left * values @ right.T)[None].bfloat16(), (3.4445, -4.7750, 2.0315), 5, 1e-7
    )[0]
    in_its_axes = left.T @ found.float() @ right
    assert ((in_its_axes.diagonal() > 0.6) & (in_its_axes.diagonal() < 1.3)).all()
    assert (in_its_axes - in_its_axes.diagonal().diag()).abs().max() < 0.05


def test_the_iteration_has_the_type_that_it_is_given() -> None:
    slope = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))

    def step(**named: torch.dtype) -> torch.Tensor:
        matrix = torch.nn.Parameter(torch.zeros(8, 8))
        matrix.grad = slope.clone()
        BatchedMuon([matrix], lr=1.0, momentum=0.0, nesterov=False, **named).step()
        return matrix.detach()

    exact = orthogonal(slope.double()[None], (3.4445, -4.7750, 2.0315), 5, 1e-7)[0]
    torch.testing.assert_close(step(iterates_in=torch.float32).double(), -exact, rtol=0, atol=1e-5)
    assert (step().double() + exact).abs().max() > 1e-3
