"""The smallest decoder with every part that a test may look at."""

from goldsmith.models import ModelConfig

TINY = ModelConfig(
    vocabulary=61,
    width=32,
    layers=2,
    heads=4,
    key_value_heads=2,
    head_dim=8,
    hidden=48,
    context=64,
)
