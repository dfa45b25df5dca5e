"""The folder of a run."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from semipose import __version__
from semipose.config.resolve import read_yaml
from semipose.errors import UserError
from semipose.files import PART, write_atomically, write_parts

LOCK = ".lock"
MARKER = ".semipose"
"""What tells a run's folder from any other with a config.yaml, such as DeepLabCut's projects."""
EMPTY = {LOCK, MARKER}
WRITTEN = (
    *("config.yaml", "split.json", "metrics.csv", "summary.json", "evaluation.json", "report.html"),
    *("model.safetensors", "model-?.safetensors", "model.json", "model-?.json", "twin.safetensors"),
    *("twin.json", "model.onnx", "finder.onnx", "for.yaml", "find.json"),
    *("from.json", "start.safetensors", "start.json"),
)
WRITTEN_IN = {
    "checkpoints": ("last.ckpt", "best.ckpt", "previous.ckpt"),
    "predictions": ("val.json",),
    "tensorboard": ("events.out.tfevents.*",),
}
"""What training, evaluation, reports and exports write to a run: all that overwriting one sets aside."""
BEFORE = ".before"
"""The folder in a run's for what is overwritten, until the new run begins."""
PARTLY = f"{BEFORE}.part"
"""The same while its files are moved, there or back."""
RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
"""Where launchers tell a process which of several it is."""


class RunDir:
    """Paths of a run, its lock, and its files' formats."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.last, self.best = self.checkpoints / "last.ckpt", self.checkpoints / "best.ckpt"
        self.metrics = path / "metrics.csv"
        self._lock = FileLock(path / LOCK, thread_local=False)
        self._aside = False

    @classmethod
    def create(cls, path: Path, overwrite: bool = False) -> RunDir:
        """A new folder, held for this process; a name that is taken gets `-2`, `-3`, ..., unless `overwrite`, which
        sets aside a run's files there, and no others, until the new run has begun.

        Of the processes of a distributed run only the first creates one; the others hear of it when training starts.

        Raises:
            UserError: the folder cannot be written; or it is to be overwritten and is none of a run, a link, or in use
                by another process.
        """
        if any(os.environ.get(rank, "0") != "0" for rank in RANKS):
            return cls(path)
        if overwrite and _holds_files(path):
            return cls(path)._overwritten()
        number = 1
        while True:
            whole = path if path.name else Path(os.path.abspath(path))
            run = cls(path if number == 1 else whole.with_name(f"{whole.name}-{number}"))
            if run._claim():
                return run
            number += 1

    def _claim(self) -> bool:
        if _holds_files(self.path):
            return False  # before a lock is written to what may be no run
        with _writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(Timeout):
                self._lock.acquire(timeout=0)
                if not _holds_files(self.path):
                    self._mark()
                    return True
                self._lock.release()
            return False

    def _overwritten(self) -> RunDir:
        if self.path.is_symlink():
            raise UserError(f"{self.path} is a link and is not overwritten; name the folder it leads to with --out")
        if not is_run(self.path):
            raise UserError(
                f"{self.path} is no run of semipose and is not overwritten; choose another folder with --out"
            )
        self._acquire(" or choose another --out")
        inner = RunDir(self.path / "finder")
        with inner.lock() if _is_inner(inner.path) else contextlib.nullcontext():
            self.restore()
            self._aside = True
            try:
                with _writing(self.path):
                    for path in [*_files(self.path)]:
                        _move(path, self.path / PARTLY / path.relative_to(self.path))
                    self._mark()
                    if (self.path / PARTLY).exists():
                        os.replace(self.path / PARTLY, self.path / BEFORE)
            except BaseException:
                self.restore()
                raise
        return self

    def begun(self) -> None:
        """What this run overwrites is no longer needed."""
        with _writing(self.path):
            aside = self.path / BEFORE
            if aside.is_dir() and not aside.is_symlink():
                shutil.rmtree(aside)

    @contextlib.contextmanager
    def restored(self, *but: type[Exception]) -> Iterator[None]:
        """Around the start of a run: where it does not begin, what it was to overwrite is there again.

        Args:
            but: what stops it so that it can go on.
        """
        try:
            yield
        except but:
            raise
        except BaseException:
            if self._aside:
                self.restore()
            raise

    def restore(self) -> None:
        """Put back what was set aside by a run that did not begin; in any case what was moved there or back in part."""
        aside, partly = self.path / BEFORE, self.path / PARTLY
        with _writing(self.path):
            for link in (aside, partly):
                if link.is_symlink():
                    link.unlink()
            if aside.is_dir() and not partly.exists():
                if (self.path / "config.yaml").exists():
                    self.begun()
                    return
                for path in [*_files(self.path)]:
                    path.unlink()
                os.replace(aside, partly)
            if partly.is_dir():
                for path in [path for path in partly.rglob("*") if path.is_symlink() or not path.is_dir()]:
                    _move(path, self.path / path.relative_to(partly))
                shutil.rmtree(partly, ignore_errors=True)

    def _mark(self) -> None:
        write_atomically(self.path / MARKER, f"a run of semipose {__version__}\n".encode())

    def _acquire(self, instead: str = "") -> None:
        try:
            with _writing(self.path):
                self._lock.acquire(timeout=0)
        except Timeout:
            raise UserError(f"run {self.path} is in use by another process; wait for it{instead}") from None

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for this process; at the end it is free, also of what `create` held.

        Raises:
            UserError: another process holds it, or it cannot be written.
        """
        self._acquire()
        try:
            yield
        finally:
            self._lock.release(force=True)

    def write_yaml(self, name: str, data: Mapping[str, Any]) -> Path:
        """Plain values as YAML."""
        write_atomically(self.path / name, yaml.safe_dump(dict(data), sort_keys=False).encode())
        return self.path / name

    def write_json(self, name: str, data: Any) -> Path:
        """Plain values as JSON."""
        parts = json.JSONEncoder(indent=1, allow_nan=False).iterencode(data)  # ids of a million samples among them
        write_parts(self.path / name, (part.encode() for part in chain(parts, "\n")))
        return self.path / name

    def read_json(self, name: str) -> Any:
        """What `write_json` wrote."""
        return json.loads((self.path / name).read_text())


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's: by its marker, or, of a version that wrote none, by its configuration and files."""
    if (folder / MARKER).is_file():
        return True
    if not any((folder / name).exists() for name in ("metrics.csv", "split.json", "checkpoints")):
        return False
    try:
        config = read_yaml(folder / "config.yaml")
    except UserError:
        return False
    return all(isinstance(config.get(section), dict) for section in ("data", "model", "method", "optim"))


def _holds_files(path: Path) -> bool:
    with _writing(path):
        return path.exists() and not {file.name for file in path.iterdir()} <= EMPTY


def _files(folder: Path) -> Iterator[Path]:
    """What is written to a run's folder and its finder's: files, and links as such; never what they lead to."""
    for name in WRITTEN:
        yield from _plain(folder, name)
    for inner, names in WRITTEN_IN.items():
        here = folder / inner
        yield from [here] if here.is_symlink() else (path for name in names for path in _plain(here, name))
    if _is_inner(folder / "finder"):
        yield from _files(folder / "finder")


def _plain(folder: Path, name: str) -> list[Path]:
    """Those of a name, and what was left of one that was not written to its end."""
    parts = [path for path in folder.glob(f"{name}.????????.part") if PART.search(path.name)]
    return [path for path in (*folder.glob(name), *parts) if path.is_symlink() or path.is_file()]


def _is_inner(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink() and is_run(folder)


def _move(path: Path, place: Path) -> None:
    """Move a file, and leave no empty folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(path, place)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except Timeout:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"run folder {path} cannot be written ({reason}); choose another with --out") from None


class MetricsFile:
    """metrics.csv: one row a logged step; a column that a row lacks is blank. New columns rewrite the header.

    Opening drops rows after step `until`, and a last line that was cut short.

    Raises:
        UserError: the file holds what is no row of metrics, or cannot be written.
    """

    def __init__(self, path: Path, until: int) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        if path.exists():
            try:
                text = path.read_text(encoding="utf-8")
                whole = io.StringIO(text[: text.rfind("\n") + 1])
                self.rows = [row for row in csv.DictReader(whole) if int(row["step"]) <= until]
                if any(None in row for row in self.rows):
                    raise ValueError
            except (KeyError, TypeError, ValueError, csv.Error):
                raise UserError(f"{path} is damaged: it has a row without a step; mend or remove it") from None
            self._rewrite()

    def add(self, row: dict[str, Any]) -> None:
        """Append one row; numbers are written with nine digits, which restores every float32."""
        row = {key: f"{value:.9g}" if isinstance(value, float) else value for key, value in row.items()}
        known = set().union(*self.rows) if self.rows else set()
        self.rows.append(row)
        if set(row) <= known and self.path.exists():
            with _writing(self.path.parent), self.path.open("a", newline="") as file:
                csv.DictWriter(file, self._columns()).writerow(row)
        else:
            self._rewrite()

    def _columns(self) -> list[str]:
        return list(dict.fromkeys(key for row in self.rows for key in row))

    def _rewrite(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, self._columns())
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.path, text.getvalue().encode())
