"""The folder of a run."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from semipose.engine.checkpoint import write_atomically
from semipose.errors import UserError


class RunDir:
    """Paths of a run, its lock, and its files' formats."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.last, self.best = self.checkpoints / "last.ckpt", self.checkpoints / "best.ckpt"
        self.metrics = path / "metrics.csv"
        self._lock = FileLock(path / ".lock")

    @classmethod
    def create(cls, path: Path, overwrite: bool = False) -> RunDir:
        """A new folder; where the name is taken, `-2`, `-3`, ... is appended, unless `overwrite`."""
        try:
            if overwrite and (path / "config.yaml").exists():
                RunDir(path).lock().release()
                shutil.rmtree(path)
            chosen, number = path, 2
            while chosen.exists() and any(chosen.iterdir()):
                chosen, number = path.with_name(f"{path.name}-{number}"), number + 1
            chosen.mkdir(parents=True, exist_ok=True)
            probe = chosen / ".write"
            probe.write_text("")
            probe.unlink()
        except OSError as error:
            raise UserError(f"run folder {path} cannot be written ({error.strerror or error}); choose another with --out") from None
        return cls(chosen)

    def lock(self) -> FileLock:
        """Hold the run for this process.

        Raises:
            UserError: another process holds it.
        """
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise UserError(f"run {self.path} is in use by another process; wait for it or choose another --out") from None
        return self._lock

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


class MetricsFile:
    """metrics.csv: one row a logged step; a column that a row lacks is blank. New columns rewrite the header."""

    def __init__(self, path: Path, until: int) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        if path.exists():
            with path.open(newline="") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["step"]) <= until]
            self._rewrite()

    def add(self, row: dict[str, Any]) -> None:
        """Append one row; numbers are written with nine digits, which restores every float32."""
        row = {key: f"{value:.9g}" if isinstance(value, float) else value for key, value in row.items()}
        known = set().union(*self.rows) if self.rows else set()
        self.rows.append(row)
        if set(row) <= known and self.path.exists():
            with self.path.open("a", newline="") as file:
                csv.DictWriter(file, self._columns()).writerow(row)
        else:
            self._rewrite()

    def _columns(self) -> list[str]:
        return list(dict.fromkeys(key for row in self.rows for key in row))

    def _rewrite(self) -> None:
        part = self.path.with_suffix(".part")
        with part.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns())
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(part, self.path)
