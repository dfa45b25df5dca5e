from __future__ import annotations

from pathlib import Path

import pytest

from semipose.errors import UserError
from semipose.outputs import FORMATS, writers
from tests.fixtures.films import film
from tests.fixtures.predictions import frames, job, written


def test_one_writer_a_format_named(tmp_path: Path) -> None:
    made = writers(["csv", "coco", "csv"], job(tmp_path))
    assert [type(writer).__name__ for writer in made] == ["Csv", "Coco"]
    for writer in made:
        with writer:
            pass
    with pytest.raises(UserError, match="there is no output 'tiff'; choose of coco, csv, smoothed, dlc"):
        writers(["csv", "tiff"], job(tmp_path))


@pytest.mark.parametrize("form", FORMATS)
def test_an_error_on_the_way_leaves_no_file(tmp_path: Path, form: str) -> None:
    for module in {"dlc": ("pandas", "tables"), "sleap": ("sleap_io",)}.get(form, ()):
        pytest.importorskip(module)
    clip, out = film(tmp_path / "clip.mp4", 3), tmp_path / "out"
    (writer,) = writers([form], job(out))
    with pytest.raises(RuntimeError), writer:
        for frame in frames(clip, 2):
            writer.add(frame, [], [])
        raise RuntimeError
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_each_says_what_it_wrote(tmp_path: Path, form: str) -> None:
    for module in {"dlc": ("pandas", "tables"), "sleap": ("sleap_io",)}.get(form, ()):
        pytest.importorskip(module)
    clip, out = film(tmp_path / "clip.mp4", 3), tmp_path / "out"
    files = written(writers([form], job(out))[0], list(frames(clip, 3)))
    assert files == list(out.iterdir()) and len(files) == 1 and files[0].stat().st_size > 0
