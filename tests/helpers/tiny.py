"""The smallest decoders with every part that a test may look at."""

from dataclasses import replace

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
GPT2 = replace(
    TINY,
    family="gpt2",
    key_value_heads=4,
    hidden=128,
    positions="learned",
    norm="layer",
    norm_bias=True,
    qkv_bias=True,
    output_bias=True,
    activation="gelu_tanh",
    gated=False,
)
