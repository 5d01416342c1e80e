"""The stages that a trained cell has behind it, read from its plan."""

from experiments.plan import Plan


def stages_behind(plan: Plan, folder: str) -> list[str]:
    """Names of the stages up to the training step `folder`, each once, earlier ones first; none of
    a cell that was trained without stages."""
    step = plan.steps[folder]
    earlier = [one for one in step.inputs.values() if plan.steps[one].name == "train"]
    names = [name for one in earlier for name in stages_behind(plan, one)]
    own = plan.configs[step.config].get("stage", {}).get("name", "")
    return list(dict.fromkeys([*names, *([own] if own else [])]))
