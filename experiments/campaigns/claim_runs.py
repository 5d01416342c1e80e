"""What `decide` and `ladder` share: a claim by its name, a request for its arms, and its run."""

from pathlib import Path

from experiments.config import ConfigError
from experiments.devices import chosen
from experiments.executors.choice import Machines
from experiments.planning.claims import Claim, arms_of, check_claims, claim_named, read_claims
from experiments.planning.plan import Request
from experiments.planning.suite import load_suite
from experiments.running.ablate import INTERRUPTED, Ablation
from experiments.store.steps import StepError


def split_claim(name: str, root: Path) -> tuple[str, Claim]:
    """Suite and claim of `suite/claim`; raises ConfigError that says what there is."""
    suite, slash, claim = name.partition("/")
    if not slash:
        raise ConfigError(f"--claim must read suite/claim, got {name!r}.")
    loaded = load_suite(suite, root)
    claims = read_claims(loaded.claims)
    check_claims(claims, tuple(loaded.arms), loaded.config.headline)
    return suite, claim_named(claims, claim)


def claim_request(
    suite: str, claim: Claim, preset: str, label: str, threads: int = 1, device: str = "auto"
) -> Request:
    """The claim's arms alone; the results get a folder of their own, so that a whole ablation of
    the suite keeps its tables."""
    arms = arms_of(claim)
    return Request(suite, preset, arms=arms, threads=threads, device=chosen(device), label=label)


def complete(ablation: Ablation, jobs: int, machines: Machines) -> None:
    """Runs every cell; raises StepError where one failed, KeyboardInterrupt where it was
    interrupted."""
    ended = ablation.run(jobs, machines=machines)
    if ended == INTERRUPTED:
        raise KeyboardInterrupt
    if ended:
        raise StepError(f"{ablation.folder} must have every cell finished; its table says why.")
