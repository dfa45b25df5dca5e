from __future__ import annotations

import pytest

from semipose.data.readers.synthetic import FORMAT, read_synthetic
from semipose.errors import UserError


def test_people_by_their_text() -> None:
    data = read_synthetic("synth:studio?count=2&seed=7&start=3", images=None, category=None)
    assert [sample.image for sample in data] == ["synth:studio/7/3", "synth:studio/7/4"]
    assert all(sample.labeled for sample in data)
    assert [s.image for s in read_synthetic("synth:wild?count=2&step=5")] == ["synth:wild/0/0", "synth:wild/0/5"]
    assert {s.image for s in read_synthetic("synth:walk?count=2&start=40")} == {"synth:walk/0/40", "synth:walk/0/41"}
    assert FORMAT.fits("synth:anything") and not FORMAT.fits("people.json")
    with pytest.raises(UserError, match="no domain 'moon': use studio, wild or walk"):
        read_synthetic("synth:moon?count=1")
