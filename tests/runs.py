"""A tiny run for tests: seconds on one core."""

from __future__ import annotations

from pathlib import Path

from semipose.config import Config, DataConfig, MethodConfig, ModelConfig, OptimConfig

PEOPLE = "synth:studio?count={}&start={}"


def tiny_config(cache: Path, method: str = "dual", steps: int = 4) -> Config:
    """Embedded people at 64x48 and a network of a few thousand weights."""
    return Config(
        data=DataConfig(
            labeled=PEOPLE.format(12, 0),
            unlabeled=PEOPLE.format(16, 1000),
            val=PEOPLE.format(6, 5000),
            cache=str(cache),
        ),
        model=ModelConfig(
            weights="none",
            options={"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16], "output_stride": 16},
            size=[64, 48],
            deconv=[8, 8],
        ),
        method=MethodConfig(name=method),
        optim=OptimConfig(batch=4),
        steps=steps,
        log_every=2,
        eval_every=2,
        threads=1,
    )
