from __future__ import annotations

from pathlib import Path

import pytest

from semipose.errors import UserError
from semipose.outputs import FORMATS, ended_apart, writers
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


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("overlay", "smoothed")])
def test_a_second_run_writes_over_the_first_and_over_nothing_else(tmp_path: Path, form: str) -> None:
    """Even where the first found no pose; a folder in its place is refused as well."""
    for module in {"dlc": ("pandas", "tables"), "sleap": ("sleap_io",)}.get(form, ()):
        pytest.importorskip(module)
    shown = list(frames(None, 2))
    for people in (0, 1, 1):
        files = written(writers([form], job(tmp_path))[0], shown, people)
    (file,) = files
    file.write_text("of another program")
    with pytest.raises(UserError, match="no prediction of an earlier run"):
        written(writers([form], job(tmp_path))[0], shown)
    assert file.read_text() == "of another program" and list(tmp_path.iterdir()) == [file]
    file.unlink()
    file.mkdir()
    with pytest.raises(UserError):
        written(writers([form], job(tmp_path))[0], shown)


def test_a_format_that_is_refused_leaves_no_part_of_another_s(tmp_path: Path) -> None:
    (tmp_path / "keypoints.csv").write_text("of another program")
    with pytest.raises(UserError, match=r"keypoints\.csv is there"):
        writers(["coco", "overlay", "csv"], job(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["keypoints.csv"]


class Fails:
    """A writer whose file cannot be ended."""

    files: tuple = ()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_: object) -> None:
        if kind is None:
            raise UserError("no room")

    def add(self, *_: object) -> None:
        pass


def test_what_one_cannot_end_takes_no_file_of_another_s(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first, last = writers(["csv", "dlc-csv"], job(out))
    with pytest.raises(UserError, match="no room"), ended_apart([first, Fails(), last]) as opened:
        for frame in frames(None, 2):
            for writer in opened:
                writer.add(frame, [], [])
    assert sorted(file.name for file in out.iterdir()) == ["imagesDLC_semipose.csv", "keypoints.csv"]
    with pytest.raises(RuntimeError), ended_apart(writers(["coco"], job(tmp_path / "none"))):
        raise RuntimeError
    assert not any((tmp_path / "none").iterdir())
