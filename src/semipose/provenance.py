"""Where a number comes from: the commit and the machine that made it."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import torch

import semipose


def commit() -> str:
    """The version, and in a git checkout its commit, with `+` where files differ from it."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return semipose.__version__

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=False
        ).stdout.strip()

    changed = "+" if git("status", "--porcelain", "--untracked-files=no", "--", "src") else ""
    return f"{semipose.__version__} {git('rev-parse', '--short=12', 'HEAD')}{changed}"


def machine(device: torch.device | str = "cpu") -> str:
    """Device, processor count, torch version: one line, no host name."""
    name = torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else platform.machine()
    return f"{name}, {os.cpu_count()} CPUs, {torch.get_num_threads()} threads, torch {torch.__version__}"
