"""H5 tables are read as pandas reads them, and nothing that a file holds is run."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semipose.cli import main
from semipose.data.readers.hdf5 import read_frame
from semipose.errors import UserError
from tests.fixtures.projects import deeplabcut

h5py = pytest.importorskip("h5py")
pandas = pytest.importorskip("pandas")
pytest.importorskip("tables")
LEVELS = {3: ("scorer", "bodyparts", "coords"), 4: ("scorer", "individuals", "bodyparts", "coords")}
BLOCK = "df_with_missing/block0_values"


class Touch:
    """What a pickle would run when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def frame(levels: int = 3, several: bool = False) -> Any:
    """Three rows and four columns, one label missing; names beyond ASCII."""
    parts = [["me"], ["nose", "schwänzchen"], ["x", "y"]]
    columns = pandas.MultiIndex.from_product(
        parts if levels == 3 else [["me"], ["a"], *parts[1:]], names=LEVELS[levels]
    )
    names = [("labeled-data", "a", "1.png"), ("labeled-data", "a", "22.png"), ("labeled-data", "ö", "1.png")]
    index = pandas.MultiIndex.from_tuples(names) if several else ["/".join(name) for name in names]
    values = np.arange(12.0).reshape(3, 4)
    values[1, 2:] = np.nan
    return pandas.DataFrame(values, index=index, columns=columns)


def saved(path: Path, table: Any = None, **how: Any) -> Path:
    (frame() if table is None else table).to_hdf(path, key="df_with_missing", mode="w", **how)
    return path


@pytest.mark.parametrize("levels", [3, 4])
@pytest.mark.parametrize("how", ["fixed", "fixed in three columns", "table"])
def test_a_table_is_read_as_pandas_reads_it(tmp_path: Path, levels: int, how: str) -> None:
    wanted = frame(levels, "three" in how)
    read = read_frame(saved(tmp_path / "a.h5", wanted, format=how.split()[0]))
    assert np.array_equal(read.values, wanted.to_numpy(), equal_nan=True)
    assert read.index == ["/".join(i) if isinstance(i, tuple) else i for i in wanted.index]
    assert {name: tuple(cells) for name, cells in read.header.items()} == {
        name: tuple(wanted.columns.get_level_values(name)) for name in LEVELS[levels]
    }


@pytest.mark.parametrize("how", ["fixed", "table"])
def test_columns_of_two_kinds_keep_their_places_and_no_rows_are_none(tmp_path: Path, how: str) -> None:
    wanted = frame()
    wanted[("me", "nose", "y")] = np.array([7, 8, 9])
    read = read_frame(saved(tmp_path / "a.h5", wanted, format=how))
    assert np.array_equal(read.values, wanted.to_numpy(np.float64), equal_nan=True)
    if how == "fixed":
        empty = read_frame(saved(tmp_path / "b.h5", frame()[:0]))
        assert empty.index == [] and empty.values.shape == (0, 4)


def attribute(path: Path, payload: bytes) -> None:
    with h5py.File(path, "a") as file:
        for name in ("encoding", "errors", "axis0_variety"):
            file["df_with_missing"].attrs[name] = np.bytes_(payload)


def level_name(path: Path, payload: bytes) -> None:
    with h5py.File(path, "a") as file:
        file["df_with_missing/axis0_level1"].attrs["name"] = np.bytes_(payload)


def columns(path: Path, payload: bytes) -> None:
    saved(path, format="table")
    with h5py.File(path, "a") as file:
        file["df_with_missing/table"].attrs["values_block_0_kind"] = np.bytes_(payload)


def objects(path: Path, payload: bytes) -> None:
    """As PyTables' ObjectAtom."""
    with h5py.File(path, "a") as file:
        del file[BLOCK]
        data = file.create_dataset(BLOCK, (1,), h5py.vlen_dtype(np.uint8))
        data[0] = np.frombuffer(payload, np.uint8)
        data.attrs.update({"CLASS": np.bytes_("VLARRAY"), "PSEUDOATOM": np.bytes_("object"), "transposed": True})


@pytest.mark.parametrize("spoil", [attribute, level_name, columns, objects])
def test_no_pickle_of_a_table_is_run(
    tmp_path: Path, spoil: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project, ran = deeplabcut(tmp_path / "project", videos=("a",)), tmp_path / "ran"
    monkeypatch.chdir(tmp_path)
    table = next(project.rglob("*.csv"))
    h5 = saved(table.with_suffix(".h5"), pandas.read_csv(table, header=[0, 1, 2], index_col=0))
    table.unlink()
    spoil(h5, pickle.dumps(Touch(ran), 0))
    for command in (["check", str(project)], ["init", str(project), "--out", str(tmp_path / "data.yaml")]):
        assert main(command) == 1
        assert not ran.exists()
        captured = capsys.readouterr()
        assert sum(str(h5) in line for line in (captured.out + captured.err).splitlines()) == 1
    pickle.loads(pickle.dumps(Touch(ran), 0))
    assert ran.exists(), "the payload would not have done anything"


def test_objects_are_told_from_damage_and_say_what_to_keep(tmp_path: Path) -> None:
    with pytest.warns(pandas.errors.PerformanceWarning):
        path = saved(tmp_path / "a.h5", frame().astype(object).replace(1.0, "one"))
    with pytest.raises(UserError, match=r"keeps its block0_values as pickled Python.*keep the .csv"):
        read_frame(path)


def replaced(path: Path, **how: Any) -> None:
    with h5py.File(path, "a") as file:
        del file[BLOCK]
        file.create_dataset(BLOCK, **how).attrs["transposed"] = np.uint8(1)


def outside(path: Path) -> None:
    (path.parent / "secret").write_bytes(bytes(96))
    replaced(path, shape=(3, 4), dtype="f8", external=[(str(path.parent / "secret"), 0, 96)])


def virtual(path: Path) -> None:
    layout = h5py.VirtualLayout((3, 4), "f8")
    layout[:] = h5py.VirtualSource(str(saved(path.with_name("other.h5"))), BLOCK, (3, 4))
    with h5py.File(path, "a") as file:
        del file[BLOCK]
        file.create_virtual_dataset(BLOCK, layout)


def link(path: Path) -> None:
    other = saved(path.with_name("other.h5"))
    with h5py.File(path, "a") as file:
        del file[BLOCK]
        file[BLOCK] = h5py.ExternalLink(str(other), BLOCK)


def whole(path: Path) -> None:
    other = saved(path.with_name("other.h5"))
    with h5py.File(path, "w") as file:
        file["df_with_missing"] = h5py.ExternalLink(str(other), "df_with_missing")


def large(path: Path) -> None:
    replaced(path, shape=(10**9, 4), dtype="f8", chunks=(1000, 4), compression="gzip")


def chunk(path: Path) -> None:
    replaced(path, shape=(3, 4), maxshape=(None, 4), dtype="f8", chunks=(10**8, 4), compression="gzip")


def filtered(path: Path) -> None:
    replaced(path, shape=(3, 4), dtype="f8", chunks=(3, 4), compression="lzf")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (outside, "in other files"),
        (virtual, "in other files"),
        (link, "a link in place of"),
        (whole, "no table that pandas wrote"),
        (large, "more than a table of labels holds"),
        (chunk, "more than a table of labels holds"),
        (filtered, "compressed by a filter"),
    ],
)
def test_nothing_outside_and_nothing_large_is_read(tmp_path: Path, spoil: Any, words: str) -> None:
    path = saved(tmp_path / "a.h5")
    spoil(path)
    with pytest.raises(UserError, match=words):
        read_frame(path)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "is damaged: HDF5 stops on it"),
        ("import time; time.sleep(60)", "is not read within 1 seconds"),
    ],
)
def test_where_hdf5_crashes_or_hangs_a_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    path, child = saved(tmp_path / "a.h5"), tmp_path / "child_of_h5.py"
    child.write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("semipose.data.readers.hdf5.PROGRAM", "child_of_h5")
    monkeypatch.setattr("semipose.apart.SECONDS", 1 if "sleep" in program else 120)
    with pytest.raises(UserError, match=words):
        read_frame(path)


@pytest.mark.slow
def test_damaged_files_are_sentences(tmp_path: Path) -> None:
    content, draws = saved(tmp_path / "a.h5").read_bytes(), np.random.default_rng(3)
    told = 0
    for n in range(24):
        spoiled = bytearray(content[: len(content) // 2] if n == 0 else content)
        for at in draws.integers(0, 9000 if n else 1, 40):
            spoiled[at] = draws.integers(256)
        (tmp_path / "b.h5").write_bytes(spoiled)
        try:
            read_frame(tmp_path / "b.h5")
        except UserError as error:
            told += 1
            assert "\n" not in str(error) and "Traceback" not in str(error)
    assert told > 12


def test_without_h5py_it_is_said_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.h5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match=r"semipose\[dlc\]"):
        read_frame(path)
