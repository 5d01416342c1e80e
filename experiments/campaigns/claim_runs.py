"""What `decide` and `ladder` share: a claim by its name, and a request for its arms."""

from pathlib import Path

from experiments.config import ConfigError
from experiments.devices import chosen
from experiments.evidence.claims import Claim, arms_of, check_claims, claim_named, read_claims
from experiments.plan import Request
from experiments.suite import load_suite


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
