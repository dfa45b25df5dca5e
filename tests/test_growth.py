"""What it takes to add a method, a reader and a paper: one new file and one line, and the whole program has it. A verb,
which takes no line, is in tests/verbs/test_rules.py."""

from __future__ import annotations

import difflib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import semipose

SOURCE = Path(semipose.__file__).parent
PEOPLE = {
    "labeled": "synth:studio?count=4",
    "unlabeled": "synth:studio?count=4&start=10",
    "val": "synth:studio?count=2&start=20",
}
TINY = (
    *(f"--data.{key}={value}" for key, value in PEOPLE.items()),
    *(
        "--model.weights=none",
        "--model.size=[64, 48]",
        "--model.deconv=[8, 8, 8]",
        "--optim.batch=2",
        "--threads=1",
        "--data.cache=cache",
    ),
    "--model.options={layers: [1, 1, 1, 1], channels: [8, 8, 16, 16], output_stride: 16}",
)

METHOD = '''"""A toy: supervised training whose heatmaps are pulled to zero where nobody has labelled anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from semipose.augment import parse
from semipose.draws import Draws
from semipose.geometry import View
from semipose.methods.base import Method, Options, Outcome
from semipose.methods.target import Codec
from semipose.options import at_least, option
from semipose.target import Target


@dataclass
class ToyOptions(Options):
    """What the toy reads.

    Attributes:
        pull: how hard.
    """

    pull: float = option(0.1, at_least(0, "it can be 0 or more"), "a toy")


class Toy(Method):
    def __init__(self, options: ToyOptions, networks: Sequence[nn.Module], codec: Codec) -> None:
        super().__init__(networks, codec, parse(options.easy))
        self.pull = options.pull

    def step(self, known: Target, unlabeled: View, draws: Draws) -> Outcome:
        learnt = self.learn(known)
        zero = self.students[0](self.easy(unlabeled, draws).image).square().mean()
        return Outcome({**learnt.losses, "pulled": self.pull * zero}, learnt.measures)


def toy(options: ToyOptions, networks: Sequence[nn.Module], codec: Codec) -> Toy:
    """From its options."""
    return Toy(options, networks, codec)
'''

READER = '''"""A toy: a file of lines, each an image and the x and y of its one joint."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semipose.data.extent import whole
from semipose.data.images import image_size
from semipose.data.readers import data_set
from semipose.data.sample import PoseData, Sample
from semipose.skeleton import named_skeleton


def read_toy(source: str | Path, images: str | Path | None = None) -> PoseData:
    """One joint an image."""
    path = Path(source)
    samples = []
    for line in path.read_text().splitlines():
        name, x, y = line.split()
        file = str(Path(images or path.parent) / name)
        samples.append(Sample(name, file, whole(image_size(file)), np.array([[x, y, 2]], np.float32)))
    return PoseData(path.stem, named_skeleton(path.stem, ("snout",), path), tuple(samples))


FORMAT = data_set("a toy (a .toy)", lambda source: source.endswith(".toy"), read_toy)
'''

PAPER = '''"""A toy: Nobody et al., Nowhere 2000, who use a data set of their own."""

from __future__ import annotations

from pathlib import Path

from semipose.config import DataConfig
from semipose.papers.mini import small
from semipose.papers.scale import paper
from semipose.papers.tables import Paper, Plan, Recipe, Row, Table

METHOD = {"name": "single", "hard": "affine20"}


def own(root: Path | None) -> DataConfig:
    return DataConfig(*(str(root / "nowhere" / name) for name in ("labels.json", "images")) if root else ())


PAPER = Paper(
    "Nobody et al., Nowhere 2000",
    "Nobody",
    {"table1": Table("A toy", (Row("The toy", "toy", 12.5), Row("Small alone", "alone")))},
    {"toy": Plan({"paper": paper(own, METHOD), "mini": small(METHOD)}), "alone": Plan({"mini": small(METHOD)})},
    {"toy-recipe": Recipe("toy")},
    {"method.hard": "Nobody, section 1"},
)
'''


def grown(tmp_path: Path, file: str, text: str, lists: str, old: str, new: str) -> Path:
    """A folder with a copy of the package that has one more file, and `old` replaced by `new` in the file that lists
    such files; that this is all, and one line."""
    copy = tmp_path / "package" / "semipose"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / file).parent.mkdir(exist_ok=True)
    (copy / file).write_text(text)
    before = (copy / lists).read_text()
    assert before.count(old) == 1
    (copy / lists).write_text(before.replace(old, new))
    files, others = ({str(f.relative_to(top)): f for f in top.rglob("*.py")} for top in (copy, SOURCE))
    assert files.keys() - others.keys() == {file}
    changed = {name for name, f in others.items() if f.read_text() != files[name].read_text()}
    assert changed == {lists}
    lines = difflib.ndiff(others[lists].read_text().splitlines(), files[lists].read_text().splitlines())
    signs = [line[0] for line in lines if line[0] in "+-"]
    assert signs.count("+") == 1 and signs.count("-") <= 1
    return copy.parent


def run(package: Path, *words: str, code: int = 0) -> str:
    """What the command line of a copy prints."""
    environment = {**os.environ, "PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"}
    program = [sys.executable, "-m", "semipose", *words]
    done = subprocess.run(program, cwd=package.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def with_method(tmp_path: Path) -> Path:
    line = "METHODS = {\n"
    return grown(tmp_path, "methods/toy.py", METHOD, "methods/__init__.py", line, f'{line}    "toy": Entry("toy"),\n')


def with_reader(tmp_path: Path) -> Path:
    line = "READERS = (\n"
    return grown(tmp_path, "data/readers/toy.py", READER, "data/open.py", line, f'{line}    "toy",\n')


def with_paper(tmp_path: Path) -> Path:
    return grown(tmp_path, "papers/toy/__init__.py", PAPER, "papers/__init__.py", '"multiaugs")', '"multiaugs", "toy")')


@pytest.mark.slow
def test_a_method_is_a_file_and_a_line(tmp_path: Path) -> None:
    """It trains, its option is typed, checked and recorded, and what it is not reads as it does of every method."""
    package = with_method(tmp_path)
    words = ("train", "--method.name=toy", "--steps=2", "--log-every=1", *TINY, "--out", "run")
    assert "PCK " in run(package, *words, "--method.pull=0.25", "--method.easy=affine10")
    metrics = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert len([line for line in metrics[1:] if line]) >= 2 and "loss/pulled" in metrics[0].split(",")
    assert (
        "  name: toy\n  easy: affine10\n  labeled: null\n  pull: 0.25\n" in (tmp_path / "run/config.yaml").read_text()
    )
    assert "method.pull is -1; it can be 0 or more" in run(package, *words, "--method.pull=-1", code=2)
    assert "method toy has no option pul; did you mean method.pull?" in run(package, *words, "--method.pul=1", code=2)


@pytest.mark.slow
def test_a_reader_is_a_file_and_a_line(tmp_path: Path) -> None:
    """What it reads is checked, split and trained on as any other data, and errors name it among what is understood."""
    import cv2
    import numpy as np

    package = with_reader(tmp_path)
    for i in range(3):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((48, 64, 3), 40 * i, np.uint8))
    (tmp_path / "mice.toy").write_text("".join(f"{i}.png {10 + i} {20 + i}\n" for i in range(3)))
    assert "3 " in run(package, "check", "mice.toy")
    run(package, "split", "mice.toy", "--labeled", "1", "--val", "1", "--out", "split.json")
    assert len(json.loads((tmp_path / "split.json").read_text())["labeled"]) == 1
    (tmp_path / "what").write_text("")
    assert "a toy (a .toy)" in run(package, "doctor", "what", code=1)


@pytest.mark.slow
def test_a_paper_is_a_folder_and_a_name(tmp_path: Path) -> None:
    """It is listed with its number and needs, shown with its sources, and trained; a scale that it lacks is said."""
    package = with_paper(tmp_path)
    listed = run(package, "recipes")
    assert "  toy        Nobody et al., Nowhere 2000: table1\n" in listed
    assert f"  {'toy-recipe':24s}  12.5 AP  toy: table1: The toy\n" in listed
    rows = run(package, "recipes", "toy")
    assert "12.5 AP  The toy " in rows and "needs nowhere, ImageNet weights\n" in rows
    assert "needs no data of yours; it has no run at the paper's scale\n" in rows
    shown = [" ".join(line.split()) for line in run(package, "recipes", "show", "toy-recipe").splitlines()]
    assert (
        shown[0] == "# Nobody et al., Nowhere 2000, table1: The toy (12.5 AP)"
        and "hard: affine20 # Nobody, section 1" in shown
    )
    lacking = run(package, "recipes", "show", "toy/alone", code=1)
    assert lacking == "semipose recipes: toy/alone has no run at scale paper; it has mini\n"
    trained = run(package, "reproduce", "toy/toy", "--dry-run", "2", *TINY, "--out", "out")
    assert "| table1: The toy | 12.5 AP |" in trained
    summary = json.loads((tmp_path / "out" / "toy-seed0" / "summary.json").read_text())
    assert summary["val_images"] == 2
