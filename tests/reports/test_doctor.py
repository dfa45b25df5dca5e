from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from semipose.data.images import read_image
from semipose.reports.doctor import diagnose
from semipose.skeleton import Skeleton
from tests.data.checks.test_swapped import animals, exchanged


def test_a_picture_of_an_example_its_mirror_image_and_the_suspects(tmp_path: Path) -> None:
    good = diagnose(animals(), out=tmp_path / "good.png")
    assert good.ok and "pair: left_ear - right_ear: no sample looks swapped" in good.lines
    assert "without a pair: nose, tail" in good.lines
    bad = diagnose(exchanged(animals(), {"3": [0, 2, 1, 3, 4, 5]}), out=tmp_path / "bad.png")
    assert not bad.ok and "    3: left_ear - right_ear" in bad.lines
    first, more = (read_image(each.picture).shape for each in (good, bad))
    assert first[1] == more[1] and more[0] > 1.5 * first[0]


def test_pairs_that_the_data_states_are_not_remarked_on(tmp_path: Path) -> None:
    names = ("nez", "oreille_g", "oreille_d", "patte_g", "patte_d", "queue")
    stated = replace(animals(), skeleton=Skeleton("other", names, ((1, 2), (3, 4))))
    assert diagnose(stated, out=tmp_path / "stated.png").ok
    named = replace(animals(), skeleton=Skeleton("other", names))
    assert any("'oreille_g' - 'oreille_d'" in each for each in diagnose(named, out=tmp_path / "named.png").lines)
