"""The learnt judge: a small convolutional detector trained from scratch on renders of the world."""

import logging
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.world.judges.detection import REPORTED_SCORE, Detection, check_images, suppress
from datamodules.world.judges.network import GRID, Cells, Detector, boxes_of, loss
from datamodules.world.judges.practice import Corrupt, gather_practice
from datamodules.world.world import World

MOST_OVERLAP = 0.5
"""Two detections that overlap by more are one object."""
SHARPNESS = 2.0
"""Factor of the class logits. Practice is harder than what is judged, which makes probabilities
modest: 0.75 becomes 0.9, GenEval's threshold for counting, and what is clearly there exceeds it."""
CHUNK = 256
REPORT_EVERY = 100

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LearntConfig:
    """Size and training of the learnt judge; raises ValueError unless all are positive."""

    width: int = 96
    blocks: int = 3
    scenes: int = 12000
    steps: int = 600
    batch: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value <= 0:
                raise ValueError(f"judge.{name} must be positive, got {value}.")


class LearntJudge:
    """A detector trained on one world; `train` makes one, `load` reads one."""

    name = "learnt"

    def __init__(self, world: World, config: LearntConfig | None = None) -> None:
        self.world, self.config = world, config or LearntConfig()
        self.names = [entry.name for entry in world.objects]
        self.colours = [*world.colours, None]
        sizes = (world.config.pixels, len(self.names), len(world.colours))
        self.detector = Detector(*sizes, self.config.width, self.config.blocks)
        self.detector.to(memory_format=torch.channels_last).eval()

    @classmethod
    def train(
        cls,
        world: World,
        seed: int,
        corrupt: Corrupt | None = None,
        config: LearntConfig | None = None,
        in_bf16: bool = True,
    ) -> "LearntJudge":
        """Return a judge trained on `world`, a function of the arguments on one machine.

        `corrupt` is the round trip of uint8 images [b, h, w, 3] through the image tokenizer.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            judge = cls(world, config)
        judge._fit(seed, corrupt, in_bf16)
        return judge

    def _fit(self, seed: int, corrupt: Corrupt | None, in_bf16: bool) -> None:
        config, generator = self.config, torch.Generator().manual_seed(seed)
        practice = gather_practice(self.world, config.scenes, seed, corrupt)
        parameters = self.detector.parameters()
        optimizer = torch.optim.AdamW(parameters, weight_decay=config.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.learning_rate, total_steps=config.steps, pct_start=0.1
        )
        self.detector.train()
        for step in range(1, config.steps + 1):
            images, objects = practice.batch(config.batch, generator)
            with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
                cells = self.detector(images.contiguous(memory_format=torch.channels_last))
            error = loss(cells, objects)
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
            schedule.step()
            if step % REPORT_EVERY == 0:
                logger.info("judge: step %d of %d, loss %.4f", step, config.steps, error.item())
        self.detector.eval()

    @torch.no_grad()
    def detect(self, images: np.ndarray) -> list[list[Detection]]:
        """Return the detections of each image, highest score first.

        Raises ValueError unless `images` is uint8 [b, pixels, pixels, 3] of the judge's world.
        """
        check_images(images, self.world.config.pixels)
        found: list[list[Detection]] = []
        for start in range(0, len(images), CHUNK):
            pixels = torch.from_numpy(images[start : start + CHUNK]).permute(0, 3, 1, 2) / 255
            cells = self.detector(pixels.contiguous(memory_format=torch.channels_last))
            found += self._read(cells)
        return found

    def _read(self, cells: Cells) -> list[list[Detection]]:
        """Turn the cells that outdo their neighbours into detections."""
        probabilities = (SHARPNESS * cells.names).softmax(-1)[..., :-1]
        scores, names = probabilities.max(-1)
        grid = scores.view(-1, 1, GRID, GRID)
        peaks = (F.max_pool2d(grid, 3, stride=1, padding=1) == grid).flatten(1)
        image_of, cell_of = torch.nonzero(peaks & (scores > REPORTED_SCORE), as_tuple=True)
        boxes = boxes_of(cells.edges)[image_of, cell_of] * (self.world.config.pixels / GRID)
        colours = cells.colours[image_of, cell_of].argmax(-1)
        kept: list[list[Detection]] = [[] for _ in scores]
        columns = (image_of, names[image_of, cell_of], colours, scores[image_of, cell_of], boxes)
        for image, name, colour, score, box in zip(*map(Tensor.tolist, columns), strict=True):
            kept[image].append(Detection(self.names[name], tuple(box), score, self.colours[colour]))
        return [suppress(detections, MOST_OVERLAP) for detections in kept]

    def save(self, path: Path) -> None:
        """Write the judge, the world it knows and its configuration to `path`."""
        torch.save(
            {
                "world": asdict(self.world.config),
                "config": asdict(self.config),
                "state": self.detector.state_dict(),
            },
            path,
        )

    @classmethod
    def load(cls, path: Path, world: World) -> "LearntJudge":
        """Read a judge of `world`.

        Raises ValueError where it was trained for another world, or the file is no whole judge.
        """
        content = BytesIO(path.read_bytes())
        try:
            saved = torch.load(content, weights_only=True)
        except (RuntimeError, ValueError, OSError, EOFError, UnpicklingError) as error:
            raise ValueError(
                f"{path} must be a saved judge, got a file cut off or damaged."
            ) from error
        if not isinstance(saved, dict) or not {"world", "config", "state"} <= saved.keys():
            raise ValueError(f"{path} must be a saved judge, got another kind of file.")
        if saved["world"] != asdict(world.config):
            wanted = asdict(world.config)
            raise ValueError(f"{path} must judge the world {wanted}, got {saved['world']}.")
        judge = cls(world, LearntConfig(**saved["config"]))
        judge.detector.load_state_dict(saved["state"])
        return judge
