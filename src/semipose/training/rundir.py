"""The folder of a run."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from semipose.errors import UserError
from semipose.files import write_atomically

LOCK = ".lock"
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

    @classmethod
    def create(cls, path: Path, overwrite: bool = False) -> RunDir:
        """A new folder, held for this process; a name that is taken gets `-2`, `-3`, ..., unless `overwrite`.

        Of the processes of a distributed run only the first creates one; the others hear of it when training starts.

        Raises:
            UserError: the folder cannot be written, or is to be overwritten while another process uses it.
        """
        if any(os.environ.get(rank, "0") != "0" for rank in RANKS):
            return cls(path)
        if overwrite and (path / "config.yaml").exists():
            with cls(path).lock(), _writing(path):
                shutil.rmtree(path)
        number = 1
        while True:
            run = cls(path if number == 1 else path.with_name(f"{path.name}-{number}"))
            if run._claim():
                return run
            number += 1

    def _claim(self) -> bool:
        with _writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(Timeout):
                self._lock.acquire(timeout=0)
                if {file.name for file in self.path.iterdir()} <= {LOCK}:
                    return True
                self._lock.release()
            return False

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for this process; at the end it is free, also of what `create` held.

        Raises:
            UserError: another process holds it, or it cannot be written.
        """
        try:
            with _writing(self.path):
                self._lock.acquire(timeout=0)
        except Timeout:
            message = f"run {self.path} is in use by another process; wait for it or choose another --out"
            raise UserError(message) from None
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
        write_atomically(self.path / name, (json.dumps(data, indent=1, allow_nan=False) + "\n").encode())
        return self.path / name

    def read_json(self, name: str) -> Any:
        """What `write_json` wrote."""
        return json.loads((self.path / name).read_text())


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
            text = path.read_text()
            whole = io.StringIO(text[: text.rfind("\n") + 1])
            try:
                self.rows = [row for row in csv.DictReader(whole) if int(row["step"]) <= until]
            except (KeyError, TypeError, ValueError):
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
