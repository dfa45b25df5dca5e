from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import torch

import semipose
from semipose import provenance
from semipose.provenance import commit, machine


def git(folder: Path, *words: str) -> str:
    own = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", str(folder), *own, *words], check=True, capture_output=True, text=True).stdout


def test_a_commit_is_that_of_the_checkout_and_says_where_files_differ(tmp_path: Path, monkeypatch) -> None:
    code = tmp_path / "src" / "semipose" / "provenance.py"
    code.parent.mkdir(parents=True)
    code.write_text("")
    (tmp_path / "README.md").write_text("")
    monkeypatch.setattr(provenance, "__file__", str(code))
    assert commit() == semipose.__version__, "without a checkout, the version alone"
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "First")
    now = f"{semipose.__version__} {git(tmp_path, 'rev-parse', 'HEAD')[:12]}"
    assert commit() == now
    (tmp_path / "README.md").write_text("beside the code")
    (code.parent / "new.py").write_text("untracked")
    assert commit() == now
    code.write_text("x = 1")
    assert commit() == f"{now}+"


def test_a_machine_is_described_without_its_name() -> None:
    threads = torch.get_num_threads()
    wanted = f"{platform.machine()}, {os.cpu_count()} CPUs, {threads} threads, torch {torch.__version__}"
    assert machine() == machine(torch.device("cpu")) == wanted


def test_a_gpu_is_called_by_its_own(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU of {device}")
    assert machine("cuda:1").startswith("GPU of cuda:1, ")
