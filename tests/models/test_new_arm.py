"""The worked example of docs/new-arm.md, read from the page, obeys the laws that the page names."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from models.batch import Batch
from models.module import TokenModule
from models.unified import Vocabulary
from tests.models.conftest import TRAIN, TRUNK, build, gradients, losses

PAGE = Path(__file__).parents[2] / "docs" / "new-arm.md"
NAME = "models.x_shape"


@pytest.fixture(scope="module")
def example() -> Iterator[ModuleType]:
    """The page's Python as a module."""
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert source.count("\n") < 100
    module = sys.modules[NAME] = ModuleType(NAME)
    exec(compile(source, str(PAGE), "exec"), module.__dict__)
    yield module
    del sys.modules[NAME]


def build_x(example: ModuleType, vocabulary: Vocabulary, first: int, last: int) -> TokenModule:
    kind = example.ARCHITECTURE
    return kind.module(kind.config(trunk=TRUNK, first=first, last=last), vocabulary, TRAIN, 0)


def test_an_x_without_ends_is_the_shared_backbone(
    example: ModuleType, vocabulary: Vocabulary, batch: Batch
) -> None:
    shared, x = build("shared", vocabulary), build_x(example, vocabulary, 0, 0)
    assert list(x.state_dict()) == list(shared.state_dict())
    assert losses(x, batch) == losses(shared, batch)
    assert example.XShapeConfig(trunk=TRUNK, first=0, last=0).canonical().name == "shared"


@pytest.mark.parametrize(("first", "last"), [(1, 1), (2, 1), (0, 3)])
def test_a_fresh_x_computes_what_the_shared_trunk_does(
    example: ModuleType, vocabulary: Vocabulary, batch: Batch, first: int, last: int
) -> None:
    x = build_x(example, vocabulary, first, last)
    assert losses(x, batch) == losses(build("shared", vocabulary), batch)


def test_no_gradient_of_one_task_reaches_the_ends_of_the_other(
    example: ModuleType, vocabulary: Vocabulary, batch: Batch
) -> None:
    x = build_x(example, vocabulary, 1, 1)
    understand = gradients(x, {"understand": batch["understand"]})
    generate = gradients(x, {"generate": batch["generate"]})
    ends = {name for name, _ in x.named_parameters() if "generate_" in name}
    own = {name for name, _ in x.named_parameters() if re.search(r"trunk\.layers\.[02]", name)}
    assert ends <= set(generate)
    assert ends.isdisjoint(understand)
    assert own <= set(understand)
    assert own.isdisjoint(generate)
    middle = {name for name in understand if "trunk.layers.1" in name}
    assert middle
    assert middle <= set(generate)


def test_an_x_takes_a_training_step(
    example: ModuleType, vocabulary: Vocabulary, batch: Batch
) -> None:
    x = build_x(example, vocabulary, 1, 1)
    optimizer = x.configure_optimizers()["optimizer"]
    before = x.training_step(batch, 0)
    before.backward()
    optimizer.step()
    assert x.training_step(batch, 1) < before


def test_ends_that_do_not_fit_are_refused(example: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"first \+ model\.last must be at most trunk\.depth=3"):
        example.XShapeConfig(trunk=TRUNK, first=2, last=2)
    with pytest.raises(ValueError, match=r"model\.last must not be negative, got -1"):
        example.XShapeConfig(trunk=TRUNK, last=-1)
