from __future__ import annotations

import pytest

from semipose.data.readers.synthetic import FORMAT, read_synthetic
from semipose.errors import UserError


def test_people_by_their_text() -> None:
    data = read_synthetic("synth:studio?count=2&seed=7&start=3", images=None, category=None)
    assert [sample.image for sample in data] == ["synth:studio/7/3", "synth:studio/7/4"]
    assert all(sample.labeled for sample in data)
    assert FORMAT.fits("synth:anything") and not FORMAT.fits("people.json")
    with pytest.raises(UserError, match="no domain 'moon': use studio or wild"):
        read_synthetic("synth:moon?count=1")
