"""Synthetic people, as a source that is a text."""

from __future__ import annotations

from pathlib import Path

from semipose.data.readers import Format
from semipose.data.refs import is_people, parse_people
from semipose.data.sample import PoseData
from semipose.data.synthetic import people, walk


def read_synthetic(source: str | Path, **_: object) -> PoseData:
    """The people that "synth:<domain>?count=1000&seed=0&start=0" says; of the domain "walk", frames of videos of people
    who walk and cross (`semipose.data.synthetic.walk`).

    Raises:
        UserError: another key, a value that is no number, or no such domain.
    """
    asked = parse_people(source)
    if asked.domain == walk.DOMAIN:
        return walk.dataset(asked.count, asked.seed, asked.start, asked.step)
    return people.dataset(**vars(asked))


FORMAT = Format("synthetic people (synth:<domain>?count=N&seed=S&start=I)", is_people, read_synthetic, read_synthetic)
