"""What a world is called in the name of a metric."""

from dataclasses import fields

from datamodules.world import WorldConfig


def world_label(config: WorldConfig) -> str:
    """Return the world's name in a metric: world-16x8-32px, then what else is not the default."""
    default = WorldConfig()
    named = {"classes", "colours", "pixels"}
    others = "".join(
        f"-{field.name}{getattr(config, field.name)}"
        for field in fields(config)
        if field.name not in named and getattr(config, field.name) != getattr(default, field.name)
    )
    return f"world-{config.classes}x{config.colours}-{config.pixels}px{others}"
