"""The first hour of a stranger: an empty environment, the wheel, the README's quick start and the tutorials, each
command as it stands on its page, with the time it took.

    python benchmarks/first_hour.py                     # everything, and the record: one to two hours on one core
    python benchmarks/first_hour.py --short             # the same, but that trainings beside the demo have a few steps
    python benchmarks/first_hour.py --quick             # trainings of a few steps: does each command work?
    python benchmarks/first_hour.py --quick --share     # with the packages of this Python instead of an installation

`demo_minutes`: installation and `semipose demo`. `import_seconds`: of `import semipose`, the median of five processes.
`installed_mb`: of the package and what it needs, without extras, PyTorch and what that needs. `tutorials` and
`tutorials_pass`: how many there are, and of how many every command ended well. `training_steps`: of each training
beside the demo, where they were shortened; 0 where they were as the page has them. Data: `SEMIPOSE_SHARED`; a tutorial
without its data is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.M | re.S)
STEPS = 20
SHORT = dict.fromkeys(
    ("train", "reproduce"), f" --steps={STEPS} --eval_every=0 --optim.batch=4 --model.size=[64,64] --threads=1"
)
"""What is added to a command so that it ends soon."""
QUICK = {**SHORT, "demo": " --quick"}
FINDER = ("steps: 400", "steps: 80")
"""A finder's steps in what init writes, and instead; no option of all projects could shorten it."""
DATA = {
    "openfield": ("openfield", ("openfield", "project")),
    "mirror_mouse": ("mirror_mouse", ("mirror_mouse",)),
    "coco": ("mouse_topview", ("mouse_topview",)),
    "improve": ("openfield", ("openfield", "project")),
    "paper": ("", ()),
}
"""Tutorial -> what it calls its data, and their folder of the shared data; none where it needs none."""
PROJECT = ("mirror_mouse",)
"""What the README calls my-project; new-video.mp4 is its video."""
SIZES = """
import importlib.metadata as m, json, re
def needs(name, extras=()):
    found = set()
    for line in m.distribution(name).requires or ():
        text, _, marker = line.partition(";")
        extra = re.search(r"extra *== *['\\"]([\\w-]+)", marker)
        if not extra or extra[1] in extras:
            found.add(re.match(r"[\\w.-]+", text.strip())[0].lower().replace("_", "-"))
    return found
def closure(names, seen, without=()):
    for name in names:
        if name not in seen and name not in without:
            try:
                more = needs(name)
            except m.PackageNotFoundError:
                continue
            seen.add(name)
            closure(more, seen, without)
    return seen
torch = closure({"torch"}, set())
ours = closure(needs("semipose"), {"semipose"}, torch - {"numpy"})
size = lambda n: sum(f.locate().stat().st_size for f in m.distribution(n).files or () if f.locate().exists())
print(json.dumps({name: round(size(name) / 1e6, 1) for name in sorted(ours)}))
"""


class Shell:
    """Commands in an environment and a folder, and what became of each."""

    def __init__(self, python: Path, folder: Path, shorter: Mapping[str, str]) -> None:
        self.python, self.folder, self.shorter = python, folder, shorter
        self.done: list[dict[str, Any]] = []
        self.path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"

    def run(self, command: str, page: str) -> bool:
        """One line of a page; whether it ended well."""
        verb = command.split()[1] if command.startswith("semipose ") else ""
        command += self.shorter.get(verb, "")
        environment = {**os.environ, "PATH": self.path, "HOME": str(self.folder)}
        environment.pop("PYTHONPATH", None)
        began = time.perf_counter()
        result = subprocess.run(command, shell=True, cwd=self.folder, env=environment, capture_output=True, text=True)
        seconds = time.perf_counter() - began
        if self.shorter and verb == "init":
            for file in self.folder.rglob("*.yaml"):
                file.write_text(file.read_text("utf-8").replace(*FINDER), "utf-8")
        last = (result.stderr or result.stdout).strip().splitlines()[-1:] if result.returncode else []
        row = {"page": page, "command": self.bare(command), "seconds": round(seconds, 1), "code": result.returncode}
        self.done.append({**row, **({"said": self.bare(last[0])[:300]} if last else {})})
        print(f"{seconds:8.1f} s  {'' if not result.returncode else 'FAILED '}{command}", *last, flush=True)
        return not result.returncode

    def bare(self, text: str) -> str:
        """Without folders that are of this run alone."""
        for path, name in ((f"'{self.python}'", "python"), (f"{self.python.parents[2]}{os.sep}", ""), (str(ROOT), ".")):
            text = text.replace(path, name)
        return text

    def text(self, *words: str) -> str:
        """What a process of the environment's Python prints."""
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.run(
            [self.python, *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=True
        ).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="trainings of a few steps; no record")
    parser.add_argument("--short", action="store_true", help="trainings of a few steps, but for the demo")
    parser.add_argument("--share", action="store_true", help="the packages of this Python; no record")
    parser.add_argument("--python", default=sys.executable, help="which Python the environment is of")
    parser.add_argument("--only", nargs="*", default=None, help="demo, readme, or tutorials by name")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        shell = environment(Path(name), asked)
        found = hour(shell, asked.only)
    print(json.dumps(found, indent=1))
    if not (asked.quick or asked.share or asked.only):
        from common import write

        write("first_hour", found, {"commands": shell.done})


def environment(folder: Path, asked: argparse.Namespace) -> Shell:
    """An empty environment with the wheel in it, of which the installation is the first command."""
    where = folder / "environment"
    if asked.python == sys.executable:
        venv.create(where, with_pip=True)
    else:
        subprocess.run([asked.python, "-m", "venv", where], check=True)
    python = next(p for p in (where / "bin" / "python", where / "Scripts" / "python.exe") if p.exists())
    (folder / "work").mkdir()
    shell = Shell(python, folder / "work", QUICK if asked.quick else SHORT if asked.short else {})
    wheels = folder / "wheels"
    pip = f"'{python}' -m pip"
    assert shell.run(f"{pip} wheel --quiet --no-deps --wheel-dir '{wheels}' '{ROOT}'", "install"), shell.done[-1]
    (wheel,) = wheels.glob("*.whl")
    if asked.share:
        site = shell.text("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        Path(site, "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    extras = "" if asked.share else "[lite,dlc]"
    deps = "--no-deps --ignore-installed" if asked.share else ""
    assert shell.run(f"{pip} install --quiet {deps} '{wheel}{extras}'", "install"), shell.done[-1]
    return shell


def hour(shell: Shell, only: list[str] | None) -> dict[str, float]:
    """Everything, as the numbers of the record."""
    code = "import time; t = time.perf_counter(); import semipose; print(time.perf_counter() - t)"
    imports = statistics.median(float(shell.text("-c", code)) for _ in range(5))
    sizes: dict[str, float] = json.loads(shell.text("-c", SIZES))
    print(f"import {imports:.3f} s; installed {sum(sizes.values()):.0f} MB without PyTorch: {sizes}")
    found = {"import_seconds": round(imports, 4), "installed_mb": round(sum(sizes.values()))}
    if only is None or "demo" in only:
        shell.run("semipose demo", "README.md")
        found["demo_minutes"] = round(sum(row["seconds"] for row in shell.done) / 60, 2)
    data = Path(os.environ.get("SEMIPOSE_SHARED", ROOT.parent / "shared" / "data"))
    if only is None or "readme" in only:
        found["readme_pass"] = int(readme(shell, data))
    there = {name: data.joinpath(*parts).is_dir() or not parts for name, (_, parts) in DATA.items()}
    names = [name for name, is_it in there.items() if is_it and (only is None or name in only)]
    passed = [tutorial(shell, name, data) for name in names]
    steps = STEPS if shell.shorter else 0
    return {**found, "training_steps": steps, "tutorials": len(names), "tutorials_pass": sum(passed)}


def readme(shell: Shell, data: Path) -> bool:
    """The quick start with one's own data."""
    subprocess.run(["cp", "-r", data.joinpath(*PROJECT), shell.folder / "my-project"], check=True)
    film = next((shell.folder / "my-project").rglob("*.mp4"))
    film.rename(shell.folder / "new-video.mp4")
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("With your own data")[2].partition("With none")[0]
    commands = re.findall(r"^    (semipose .*?)(?:\s+#.*)?$", text, re.M)
    assert len(commands) == 3, commands
    return all([shell.run(command, "README.md") for command in commands])


def tutorial(shell: Shell, name: str, data: Path) -> bool:
    """All blocks of a page, in a folder of its own, beside its part of `data`."""
    inner = Shell(shell.python, shell.folder / f"tutorial-{name}", shell.shorter)
    inner.folder.mkdir()
    called, parts = DATA[name]
    if parts:
        subprocess.run(["cp", "-r", data.joinpath(*parts), inner.folder / called], check=True)
    good = True
    for kind, text in BLOCK.findall((ROOT / "docs" / "tutorials" / f"{name}.md").read_text(encoding="utf-8")):
        if kind == "python":
            (inner.folder / "block.py").write_text(text, encoding="utf-8")
        for line in text.splitlines() if kind == "sh" else ["python block.py"]:
            good &= inner.run(line, f"tutorials/{name}.md")
    shell.done += inner.done
    return good


if __name__ == "__main__":
    main()
