"""Which of the faults that a training meets it survives: python benchmarks/faults.py [NUMBER ...]

Each is provoked for real: processes are killed and stopped, disks are full, files are damaged. A function here does
one and says what came, or fails; tests/docs/test_faults.py runs them too. Commands run in forked processes, so that
Python and torch start once.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(1, str(Path(__file__).parents[1]))
import cv2
import numpy as np
import torch
import yaml
from benchmarks.malformed import JOINTS, picture
from benchmarks.malformed import coco as coco_project
from benchmarks.malformed import plain as csv_project
from tests.fixtures.ranks import two
from tests.fixtures.runs import STEPS, assert_same_runs, at_step, child, dies, exit_code, resume, tiny

from semipose.cli import main as semipose
from semipose.config import to_dict
from semipose.methods import options
from semipose.methods.base import Method
from semipose.models import checkpoint
from semipose.signals import EXIT_STOPPED
from semipose.training import loop, stream
from semipose.training.loop import run_training
from semipose.training.rundir import RunDir

SMALL = ("--model.backbone=resnet18", "--model.weights=none", "--model.size=[64,48]", "--model.deconv=[8,8,8]")
SMALL += ('--model.options={"layers": [1,1,1,1], "channels": [8,8,16,16], "output_stride": 16}', "--threads=1")
SMALL += ("--accelerator=cpu", "--steps=2", "--optim.batch=2", "--eval_every=0")
SOON = 30
"""Seconds within which a run that cannot go on has ended."""


class Said(NamedTuple):
    """How a command ended."""

    code: int | None
    out: str
    error: str

    @property
    def line(self) -> str:
        """The one line on stderr, beside progress, in which it failed."""
        lines = [line for line in self.error.splitlines() if line.startswith("semipose ")]
        assert self.code == 1 and len(lines) == 1, f"code {self.code}: {self.error[-2000:]}"
        assert "Traceback" not in self.error and "--debug shows" not in lines[0], self.error
        return lines[0]


def as_in_a_shell() -> None:
    """In a process that a test started: what is printed, and warnings, go to its own stdout and stderr."""
    files = (io.FileIO(number, "w", closefd=False) for number in (1, 2))
    sys.stdout, sys.stderr = (io.TextIOWrapper(file, write_through=True) for file in files)
    warnings.showwarning = lambda *told: sys.stderr.write(warnings.formatwarning(*told[:4]))  # type: ignore[assignment]


@dataclass
class Place:
    """Where a fault is provoked. `shared` keeps crops and a run to compare with for all."""

    folder: Path
    shared: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def cache(self) -> Path:
        return self.shared / "cache"

    def config(self, method: str = "dual", **changes: Any) -> Path:
        """A file of `tiny` settings."""
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(to_dict(tiny(self.cache, method, **changes))))
        return path

    def train(self, *words: str, act: Callable[[], object] = lambda: None, **changes: Any) -> ForkProcess:
        """Start `semipose train` on drawn people, into `run`; `act` is called in its process before."""
        names = ["--config", str(self.config(**changes)), "--out", str(self.folder / "run")]
        return self.start("train", *names, *words, act=act)

    def start(self, *words: str, act: Callable[[], object] = lambda: None) -> ForkProcess:
        def body() -> None:
            for number, name in ((1, "stdout"), (2, "stderr")):
                with (self.folder / name).open("wb") as file:
                    os.dup2(file.fileno(), number)
            as_in_a_shell()
            act()
            code = semipose([*words])
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)

        return child(body)

    def end(self, process: ForkProcess, seconds: float = 120) -> Said:
        """How a started one ended."""
        code = exit_code(process, seconds)
        out, error = ((self.folder / name).read_text(errors="replace") for name in ("stdout", "stderr"))
        return Said(code, out.replace("\r", "\n"), error.replace("\r", "\n"))

    def do(self, *words: str, act: Callable[[], object] = lambda: None) -> Said:
        """Run a command to its end."""
        return self.end(self.start(*words, act=act))

    @property
    def run(self) -> RunDir:
        return RunDir(self.folder / "run")

    def reference(self) -> RunDir:
        """The run of `config` that nothing happened to."""
        run = RunDir(self.shared / "reference")
        if not run.path.exists():
            run_training(tiny(self.cache), RunDir.create(run.path), progress=False)
        return run

    def same_as_ever(self) -> None:
        """The run went on as if nothing had been."""
        resume(tiny(self.cache), self.run)
        assert_same_runs(self.run, self.reference())


def step_of(path: Path) -> int:
    return checkpoint.load(path)["progress"]["step"]


def in_step(number: int, action: Callable[[], object]) -> Callable[[], None]:
    """For `act`: do something within a step, counted from 0."""

    def act() -> None:
        Method.after_step = at_step(number, action)  # type: ignore[method-assign]

    return act


def parts(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.part"))


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[bool]:
    """A folder that is a disk of its own with little room, where this user can make one; else False."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    made = shutil.which("mount") is not None and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield made
    finally:
        if made:
            subprocess.run(["umount", str(folder)], check=True)


def no_larger(kilobytes: int) -> Callable[[], None]:
    """For `act`: files that are larger cannot be written, which is a full disk's error by another name."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes << 10, kilobytes << 10))


# ---- 1-11: disks, signals, checkpoints, workers


def killed_while_saving(place: Place) -> str:
    """The process is killed with half of its second checkpoint written."""
    saves = iter(range(9))

    def halfway(number: int) -> None:
        if Path(f"/proc/self/fd/{number}").readlink().name.startswith("last.ckpt") and next(saves) == 1:
            os.ftruncate(number, os.fstat(number).st_size // 2)
            dies()

    said = place.end(place.train(save_every=2, act=lambda: setattr(os, "fsync", halfway)))
    assert said.code == -signal.SIGKILL and len(parts(place.folder)) == 1
    assert step_of(place.run.last) == 2
    place.same_as_ever()
    assert not parts(place.folder)
    return "the checkpoint before it loads; gone on from there, every bit is that of a run without a fault"


def disk_full(place: Place) -> str:
    """A run's disk is full at its second checkpoint; predictions do not fit on theirs."""
    said = place.end(place.train(save_every=2, act=in_step(3, no_larger(64))))
    assert "last.ckpt could not be written (File too large)" in said.line and not parts(place.folder)
    assert step_of(place.run.last) == 2
    place.same_as_ever()
    pictures = place.folder / "pictures"
    for i in range(40):
        picture(pictures / f"{i}.png", i)
    words = ["predict", str(place.run.path), str(pictures), "--device=cpu", "--out"]
    kinds = []
    for full in ("limit", "disk"):
        out = place.folder / full
        with small_disk(out, 64) if full == "disk" else contextlib.nullcontext(True) as made:
            if made:
                (out / "kept").parent.mkdir(exist_ok=True)
                said = place.do(*words, str(out), act=no_larger(2) if full == "limit" else lambda: None)
                assert re.search(rf"{out}/\S+ could not be written \((No space|File too)", said.line), said.line
                assert not parts(out) and not (out / "keypoints.json").exists()
                kinds.append(full)
    return f"one line names the file, nothing half is left (by a {' and a '.join(kinds)}), and the run goes on exactly"


def unwritable(place: Place) -> str:
    """--out lies below a file, and on a disk that is only to be read."""
    (place.folder / "file").write_text("")
    words = ["train", "--config", str(place.config(data={"cache": str(place.folder / "crops")})), "--out"]
    assert "cannot be written" in place.do(*words, str(place.folder / "file" / "run")).line
    tried = "below a file"
    with small_disk(place.folder / "disk", 64) as made:
        if made:
            subprocess.run(["mount", "-o", "remount,ro", str(place.folder / "disk")], check=True)
            assert "Read-only" in place.do(*words, str(place.folder / "disk" / "run")).line
            tried += " and on a read-only disk"
    assert not (place.folder / "crops").exists()
    return f"{tried}: one line before anything is cut or trained"


def asked_to_stop(place: Place) -> str:
    """SIGTERM, then SIGINT to the run that went on, each within a step; with loading processes."""
    words = ["--workers=1"]
    assert place.end(place.train(*words, act=in_step(2, lambda: dies(signal.SIGTERM)))).code == EXIT_STOPPED
    first = step_of(place.run.last)
    again = place.start("train", "--resume", str(place.run.path), act=in_step(1, lambda: dies(signal.SIGINT)))
    said = place.end(again)
    assert said.code == EXIT_STOPPED and f"go on with --resume {place.run.last}" in said.error
    assert first == 4 and first < step_of(place.run.last) < STEPS
    place.same_as_ever()
    return f"exit code {EXIT_STOPPED}, saved at steps {first} and {first + 3}, and the end is exact"


def resumed_at_every_step(place: Place) -> str:
    """Stopped after each step and gone on, with 0 and 2 workers; again with an average as a teacher and mixed tiles."""
    run_training(tiny(place.cache), RunDir.create(place.run.path), progress=False, stop_at=1)
    for step in range(2, STEPS + 1):
        resume(tiny(place.cache, workers=2 * (step % 3 == 0)), place.run, stop_at=step)
    assert_same_runs(place.run, place.reference())
    config = tiny(place.cache, steps=4, eval_every=0)
    config.method = options("pose_mum_plus", decay=0.6, joint=True, statistics="sigma")
    whole, stopped = (RunDir.create(place.folder / name) for name in ("whole", "stopped"))
    run_training(config, whole, progress=False)
    run_training(config, stopped, progress=False, stop_at=1)
    for step in (2, 3, 4):
        resume(config, stopped, stop_at=step)
    assert_same_runs(stopped, whole)
    return "weights, averages, statistics, optimiser, metrics and predictions are the same to the last bit"


def resumed_twice_in_an_epoch(place: Place) -> str:
    """Stopped at two steps of the second pass over the unlabelled images, by SIGTERM."""
    assert place.end(place.train(act=in_step(2, lambda: dies(signal.SIGTERM)))).code == EXIT_STOPPED
    again = place.start("train", "--resume", str(place.run.path), act=in_step(0, lambda: dies(signal.SIGTERM)))
    assert place.end(again).code == EXIT_STOPPED and 3 < step_of(place.run.last) <= 6
    place.same_as_ever()
    return "the same to the last bit"


def labelled_pictures(folder: Path, count: int = 8) -> Path:
    """A table of pictures with their labels, and as many without."""
    rows = ["image,joint,x,y"]
    for i in range(count):
        picture(folder / "labelled" / f"{i}.png", i)
        picture(folder / "more" / f"{i}.png", 100 + i)
        rows += [f"labelled/{i}.png,{joint},{8 + 12 * k},{12 + 3 * i}" for k, joint in enumerate(JOINTS)]
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder / "labels.csv"


def on_pictures(place: Place, *words: str) -> list[str]:
    """A training on `labelled_pictures`."""
    data = {"labeled": "labels.csv", "unlabeled": "more", "cache": str(place.folder / "cache")}
    (place.folder / "data.yaml").write_text(yaml.safe_dump({"data": data, "method": {"name": "dual"}}))
    return ["train", str(place.folder / "data.yaml"), *SMALL, "--out", str(place.run.path), *words]


def resumed_as_another(place: Place) -> str:
    """Resumed with other settings, other labels, other pixels of the same size and date, and another number of
    processes."""
    table = labelled_pictures(place.folder)
    stops = in_step(0, lambda: dies(signal.SIGTERM))
    assert place.do(*on_pictures(place, "--steps=9"), act=stops).code == EXIT_STOPPED
    go_on = ["train", "--resume", str(place.run.path)]
    line = place.do(*go_on, "--optim.lr=0.5", "--seed=7").line
    assert "optim.lr: " in line and "-> 0.5" in line and "seed: 0 -> 7" in line and "--init-from" in line
    text = table.read_text()
    table.write_text(text.replace("0.png,nose,8", "0.png,nose,9", 1))
    assert "data" in place.do(*go_on).line
    table.write_text(text)
    for name in ("labelled/0.png", "more/3.png"):
        image = place.folder / name
        kept, when = image.read_bytes(), image.stat().st_mtime_ns
        changed = cv2.imencode(".png", 255 - cv2.imread(str(image)))[1].tobytes()
        image.write_bytes(changed[: len(kept)] if len(changed) >= len(kept) else changed)
        image.write_bytes(changed)
        os.utime(image, ns=(when, when))
        assert "cannot be resumed exactly" in place.do(*go_on).line, name
        image.write_bytes(kept)
        os.utime(image, ns=(when, when))
    state = checkpoint.load(place.run.last)
    checkpoint.save(place.run.checkpoints / "two.ckpt", {**state, "world": 2})
    assert "processes: 2 -> 1" in place.do("train", "--resume", str(place.run.checkpoints / "two.ckpt")).line
    assert place.do(*go_on, "--workers=1", "--steps=9").code == 0
    return "each is refused in a line that lists the differences; unchanged, it goes on"


def checkpoint_damaged(place: Place) -> str:
    """The last checkpoint has one bit flipped, or is cut short."""
    run_training(tiny(place.cache, save_every=1), RunDir.create(place.run.path), progress=False, stop_at=2)
    whole = place.run.last.read_bytes()
    for damaged in (whole[:-99] + bytes([whole[-99] ^ 1]) + whole[-98:], whole[: len(whole) // 2], b""):
        place.run.last.write_bytes(damaged)
        line = place.do("train", "--resume", str(place.run.path)).line
        previous = place.run.checkpoints / "previous.ckpt"
        assert f"--resume {previous}" in line and str(place.run.last) in line
    assert place.do("train", "--resume", str(previous)).code == 0
    assert_same_runs(place.run, place.reference())
    return "the checksum fails, the line names the previous one, and from that the end is exact"


def malicious(place: Place) -> str:
    """A checkpoint, weights, arrays, tables and calibrations with a payload, in place of good ones."""
    from tests.data import test_faults as hostile

    ran = place.folder / "ran"
    payload = hostile.Touch(ran)
    tried = []
    for make, words in (
        (hostile.checkpoint_with, ["train", "--init-from"]),
        (hostile.public_with, ["import-weights"]),
        (hostile.npz_with, ["check"]),
        (hostile.mat_with, ["check"]),
        (hostile.cameras_with, ["triangulate"]),
    ):
        inside = place.folder / make.__name__
        inside.mkdir()
        path = make(payload, inside)
        more = {"train": on_pictures(place)[1:], "import-weights": ["--out", str(inside / "out")]}.get(words[0], [])
        more = [str(inside), "--cameras", str(path)] if words[0] == "triangulate" else [str(path), *more]
        if words[0] == "train":
            labelled_pictures(place.folder)
        assert place.do(*words, *more).code in (1, 2), make.__name__
        assert not ran.exists(), make.__name__
        tried.append(make.__name__.removesuffix("_with"))
    run_training(tiny(place.cache), RunDir.create(place.run.path), progress=False, stop_at=2)
    shutil.copy(place.folder / "checkpoint_with" / "last.ckpt", place.run.last)
    assert "plain tensors and values" in place.do("train", "--resume", str(place.run.path)).line
    assert not ran.exists()
    return f"{', '.join(tried)}: none is run"


def worker_lost(place: Place) -> str:
    """A loading process is killed."""

    def kill() -> None:
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    began = time.monotonic()
    said = place.end(place.train("--workers=2", "--steps=500", save_every=2, act=in_step(4, kill)))
    assert "worker was lost" in said.line and time.monotonic() - began < SOON
    assert step_of(place.run.last) >= 4
    return "one line within seconds; the last checkpoint loads"


def worker_hangs(place: Place) -> str:
    """Both loading processes are stopped (SIGSTOP), with batches that they have announced and not handed over; and one
    is, while it loads. The time-out is 4 s here."""

    def limited(count: int) -> Callable[[], None]:
        def stop() -> None:
            for worker in multiprocessing.active_children()[:count]:
                os.kill(worker.pid, signal.SIGSTOP)

        return lambda: (setattr(stream, "TIMEOUT", 4), in_step(4, stop)())

    for count in (2, 1):
        began = time.monotonic()
        words = ["--workers=2", "--steps=500", "--overwrite"]
        said = place.end(place.train(*words, save_every=2, act=limited(count)), SOON)
        assert "worker" in said.line and time.monotonic() - began < SOON
        assert step_of(place.run.last) >= 4
    return "one line after the time-out; the last checkpoint loads"


# ---- 12-18: pictures and labels


def bad_pictures(place: Place) -> str:
    """Of 203 unlabelled pictures one is empty, one a web page; then twenty more are cut short."""
    labelled_pictures(place.folder)
    more = place.folder / "more"
    for i in range(8, 201):
        shutil.copy(more / f"{i % 8}.png", more / f"{i}.png")
    (more / "empty.png").write_bytes(b"")
    (more / "page.png").write_bytes(b"<html>")
    said = place.do("check", str(place.folder / "labels.csv"), "--unlabeled", str(more))
    assert all(name in said.out + said.error for name in ("empty.png", "page.png")), said
    said = place.do(*on_pictures(place))
    assert said.code == 0 and "empty.png" in said.error + said.out and "page.png" in said.error + said.out, said
    for i in range(20, 40):
        (more / f"{i}.png").write_bytes((more / f"{i}.png").read_bytes()[:200])
    line = place.do(*on_pictures(place, "--overwrite")).line
    assert re.search(r"\.png", line) and "2" in line
    return "check names both; training leaves two of 203 out, names them, and stops at 22, naming files"


def unusual_pictures(place: Place) -> str:
    """One picture as grey, 16 bits, RGBA, CMYK, and turned by EXIF."""
    from PIL import Image

    from semipose.data.images import read_images

    rng = np.random.default_rng(0)
    grey = cv2.resize(rng.integers(0, 255, (6, 8), np.uint8), (64, 48), interpolation=cv2.INTER_CUBIC)
    plain = np.dstack([grey] * 3)
    folder = place.folder
    cv2.imwrite(str(folder / "grey.png"), grey)
    cv2.imwrite(str(folder / "deep.png"), plain.astype(np.uint16) * 257)
    cv2.imwrite(str(folder / "clear.png"), np.dstack([plain, np.full_like(grey, 255)]))
    Image.fromarray(plain).convert("CMYK").save(folder / "print.jpg", quality=100, subsampling=0)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a turn to the right
    Image.fromarray(np.ascontiguousarray(np.rot90(plain))).save(folder / "turned.jpg", quality=100, exif=exif)
    names = sorted(str(path) for path in folder.iterdir() if path.suffix in (".png", ".jpg"))
    far = {}
    for name, pixels in read_images(names):
        assert isinstance(pixels, np.ndarray) and pixels.shape == (48, 64, 3), f"{name}: {pixels}"
        far[Path(name).name] = int(np.abs(pixels.astype(int) - plain).max())
    assert max(far.values()) <= 6, far
    return f"all have the same pixels: {', '.join(f'{name} to {value}' for name, value in far.items())} of 255"


def image_bomb(place: Place) -> str:
    """A PNG of 50 KB whose header says 60,000 x 60,000 pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(50_000_000), 9)
    table = labelled_pictures(place.folder)
    path = place.folder / "more" / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    room = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + (1 << 30)
    words = ["check", str(table), "--unlabeled", str(path.parent)]
    said = place.do(*words, act=lambda: resource.setrlimit(resource.RLIMIT_AS, (room, room)))
    assert said.code and "bomb.png" in said.out + said.error and "pixels; shrink it" in said.out, said
    return "refused by its header, within 1 GB of memory"


def odd_labels(place: Place) -> str:
    """Joints that are null, far outside the picture, or invisible; one sample without any."""

    def change(document: dict) -> None:
        document["annotations"][0]["keypoints"] = [None, None, 0, -30, 500, 2, 10, 12, 2, 17, 12, 1]
        document["annotations"][1]["keypoints"] = [0, 0, 0] * len(JOINTS)

    coco_project(place.folder, change)
    data = {"labeled": str(place.folder / "labels.json"), "cache": str(place.folder / "cache")}
    words = [f"--data.{key}={value}" for key, value in data.items()]
    names = ["--method.name=supervised", "--log_every=1", "--out", str(place.run.path)]
    said = place.do("train", *words, *names, *SMALL)
    assert said.code == 0, said
    rows = place.run.metrics.read_text().splitlines()
    column = rows[0].split(",").index("loss/supervised")
    losses = [float(row.split(",")[column]) for row in rows[1:]]
    assert np.isfinite(losses).all() and min(losses) > 0
    return f"trained, with losses {', '.join(f'{loss:.4f}' for loss in losses)}"


def bad_boxes(place: Place) -> str:
    """Boxes without width, with a negative height, and beyond any picture."""
    lines = []
    for box, refused in (([1, 2, 0, 5], 0), ([1, 2, 5, -5], 0), ([1, 2, 1e30, 5], 1), ([1, 2, None, 5], 1)):
        shutil.rmtree(place.folder / "data", ignore_errors=True)
        (place.folder / "data").mkdir()
        coco_project(place.folder / "data", lambda d, box=box: d["annotations"][1].update(bbox=box, id=17))
        lines.append(place.do("check", str(place.folder / "data" / "labels.json")))
        assert lines[-1].code == refused and "17" in lines[-1].out + lines[-1].error
        assert "Traceback" not in lines[-1].error
    return "each is named by its annotation; for an empty one the labels' extent is taken, the others are refused"


def bad_records(place: Place) -> str:
    """Ids that occur twice, an id 0, fields that are missing, the wrong number of joints."""
    changes: dict[str, tuple[Callable[[dict], object], str | None]] = {
        "annotation id twice": (lambda d: d["annotations"][1].update(id=0), "annotation"),
        "image id twice": (lambda d: d["images"][1].update(id=0), "image"),
        "no image_id": (lambda d: d["annotations"][1].pop("image_id"), "image_id"),
        "no keypoints": (lambda d: d["categories"][0].pop("keypoints"), "keypoints"),
        "no file name": (lambda d: d["images"][1].pop("file_name"), "file_name"),
        "three joints of four": (lambda d: d["annotations"][1].update(keypoints=[1, 2, 2] * 3), "annotation 1"),
        "an id 0, and no other fault": (lambda d: None, None),
    }
    for name, (change, where) in changes.items():
        inside = place.folder / name.replace(" ", "-").replace(",", "")
        inside.mkdir()
        coco_project(inside, change)
        said = place.do("check", str(inside / "labels.json"))
        if where is None:
            assert said.code == 0, said
        else:
            assert said.code and where in said.out + said.error and "Traceback" not in said.error, (name, said)
    return "each is refused with its place; an id 0 is an id"


def leakage(place: Place) -> str:
    """The validation set has the labelled pictures, under their own names and as copies; and unlabelled ones."""
    table = labelled_pictures(place.folder)
    shutil.copy(table, place.folder / "val.csv")
    assert "leakage" in place.do(*on_pictures(place, f"--data.val={place.folder / 'val.csv'}")).line
    val = place.folder / "more" / "val.csv"
    val.write_text(table.read_text().replace("labelled/", ""))
    assert "leakage" in place.do(*on_pictures(place, f"--data.val={val}", "--overwrite")).line
    return "refused before anything is cut, in a line that says leakage"


# ---- 19-26: numbers, processes, files


def not_finite(place: Place) -> str:
    """The labels' heatmaps of step 3 are NaN; the next run's gradient is, by a weight."""

    def poison(value: float) -> Callable[[], None]:
        def lose() -> None:
            whole = Method.labels

            def labels(self: Method, *arguments: object) -> object:
                target = whole(self, *arguments)
                return type(target)(target.heatmaps * value, target.weight, target.frame)

            Method.labels = labels  # type: ignore[method-assign]

        return lose

    for value in (float("nan"), float("inf"), 1e38):
        said = place.end(place.train("--overwrite", save_every=1, act=in_step(2, poison(value))))
        assert "step 3: the loss or a gradient is not finite" in said.line
        assert step_of(place.run.last) == 3
        place.same_as_ever()
    return "the run ends in one line without an update, and goes on exactly from the step before"


def bad_predictions(place: Place) -> str:
    """Weights that are NaN predict and are scored; predictions of NaN, and none, are scored."""
    from tests.metrics.test_oks import test_a_broken_prediction_never_helps, test_all_broken_or_empty_scores_zero

    run_training(tiny(place.cache, steps=2), RunDir.create(place.run.path), progress=False)
    broken(place.run.path, "head.bias", float("nan"))
    picture(place.folder / "a.png")
    out = place.folder / "out"
    line = place.do("predict", str(place.run.path), str(place.folder / "a.png"), "--out", str(out), "--device=cpu").line
    assert "not finite" in line and not (out.exists() and os.listdir(out))
    assert "not finite" in place.do("evaluate", str(place.run.path)).line
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        test_a_broken_prediction_never_helps()
        test_all_broken_or_empty_scores_zero()
    return "weights that are not finite are refused by predict and evaluate; broken and absent predictions score 0"


def broken(run: Path, name: str, value: float) -> None:
    """A tensor of a run's weights is set to a value, and the checksum made anew."""
    from safetensors.torch import load, save

    path = run / "model.safetensors"
    tensors = load(path.read_bytes())
    tensors[name] = torch.full_like(tensors[name], value)
    path.write_bytes(save(tensors))
    beside = path.with_suffix(".json")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    beside.write_text(json.dumps({**json.loads(beside.read_text()), "sha256": digest}))


def collapse(place: Place) -> str:
    """From step 40 on the teacher sees nothing in the unlabelled pictures, which are black, so background is taught."""
    black = place.folder / "black"
    black.mkdir()
    for i in range(4):
        cv2.imwrite(str(black / f"{i}.png"), np.zeros((64, 48, 3), np.uint8))

    def forgets() -> None:
        build, steps = loop.build_method, iter(range(10**6))

        def forgetting(*arguments: Any) -> Method:
            method = build(*arguments)
            teach = method.teach

            def taught(*those: Any) -> Any:
                target = teach(*those)
                return replace(target, heatmaps=target.heatmaps * (next(steps) < 40))

            method.teach = taught
            return method

        loop.build_method = forgetting

    words = ["--steps=400", "--stop_on_collapse=true", f"--data.unlabeled={black}", "--optim.lr=0.005", "--log_every=5"]
    words += ["--data.labeled=synth:studio?count=2&seed=0", "--method.easy=affine1", "--method.hard=affine1"]
    wide = {"deconv": [32, 32], "size": [64, 48]}
    said = place.end(place.train(*words, method="single", eval_every=0, pseudo=0, model=wide, act=forgets), 240)
    found = re.search(
        r"stopped at step (\d+) \(stop_on_collapse\), saved to .* its response to unlabelled .*? fell to ([\d.]+)",
        said.line,
    )
    assert found and step_of(place.run.last) == int(found[1]), said
    return f"stopped at step {found[1]}, with the response to unlabelled pictures at {found[2]}"


def processes_agree(place: Place) -> str:
    """One process and two train with the same batches."""
    from benchmarks.ddp import difference, losses, of, trains

    config, several = (of("dual", place.cache) for _ in range(2))
    several.strategy, several.devices = "ddp", 2
    ended = [exit_code(child(trains, 0, config, place.folder / "one"), 120)]
    ended += [exit_code(each, 120) for each in two(trains, several, place.folder / "two")]
    assert ended == [0, 0, 0], ended
    weights, of_steps = (
        difference(place.folder / "one", place.folder / "two"),
        losses(place.folder / "one", place.folder / "two"),
    )
    assert weights < 1e-3 and max(of_steps) < 1e-4, (weights, of_steps)
    return f"weights differ by {weights:.0e}, losses by {max(of_steps):.0e}: rounding"


def parity(place: Place) -> str:
    """AP of generated crowds beside pycocotools'."""
    from tests.metrics.test_oks import test_parity_with_pycocotools

    test_parity_with_pycocotools()
    return "60 generated cases have the same ten values"


def warps_agree(place: Place) -> str:
    """Points, pictures and heatmaps are turned, scaled and mirrored alike: ramps, which sampling keeps, and blobs."""
    from tests import test_geometry as checks

    checks.test_every_pixel_comes_from_where_the_matrix_says()
    checks.test_every_cell_comes_from_where_the_matrices_say()
    checks.test_image_moves_as_its_keypoints()
    checks.test_heatmaps_move_as_their_keypoints()
    return f"50 generated ramps agree within 0.01 px; blobs, which sampling blurs, within {checks.RIPPLE}"


def paths_and_yaml(place: Place) -> str:
    """Labels that name files outside, and settings with Python in them."""
    lines = []
    for name in ("../../2.png", "/etc/passwd", "frames/../../../x.png"):
        inside = place.folder / str(len(lines))
        words = csv_project(inside, lambda text, name=name: text.replace("frames/2.png", name))
        lines.append(place.do("check", words[1]))
        assert lines[-1].code and "Traceback" not in lines[-1].error, lines[-1]
    ran = place.folder / "ran"
    for tag in (f"!!python/object/apply:os.mkdir ['{ran}']", "!!python/name:os.system", "&a [*a, *a]"):
        path = place.folder / "bad.yaml"
        path.write_text(f"steps: {tag}\n")
        assert "bad.yaml" in place.do("train", "--config", str(path), "--out", str(place.run.path)).line
    assert not ran.exists() and not place.run.path.exists()
    return "each is refused in one line; nothing outside is read, nothing is run"


def two_runs_in_one_folder(place: Place) -> str:
    """While a run trains, another wants its folder: to go on with it, and to overwrite it. Six predictions of two
    folders of pictures go into one folder at once."""
    other = Place(place.folder / "other", place.shared)
    first = place.train("--steps=100000", save_every=1)
    until = time.monotonic() + SOON
    while not place.run.last.exists() and time.monotonic() < until:
        time.sleep(0.05)
    try:
        words = ["train", "--config", str(other.config()), "--out", str(place.run.path), "--overwrite"]
        assert "is in use by another process" in other.do(*words).line
        assert "is in use by another process" in other.do("train", "--resume", str(place.run.path)).line
        assert first.is_alive()
        os.kill(first.pid, signal.SIGTERM)
        assert place.end(first).code == EXIT_STOPPED
    finally:
        first.kill()
    assert step_of(place.run.last) > 1
    labelled_pictures(place.folder)
    run_training(tiny(place.cache, steps=1), RunDir.create(place.folder / "small"), progress=False)
    words = ["predict", str(place.folder / "small"), "--device=cpu", "--out", str(place.folder / "out")]
    writers = [Place(place.folder / f"writer{i}", place.shared) for i in range(6)]
    started = [each.start(*words, str(place.folder / ("labelled", "more")[i % 2])) for i, each in enumerate(writers)]
    for each, process in zip(writers, started, strict=True):
        assert each.end(process).code == 0, each.end(process)
    rows = json.loads((place.folder / "out" / "keypoints.json").read_text())
    assert len({row["image_id"] for row in rows}) == 8 and not parts(place.folder)
    return "both are refused in one line, the first is not disturbed; all predictions end, and the last's file is whole"


FAULTS: dict[str, tuple[Callable[[Place], str], str]] = {
    "1": (killed_while_saving, "the previous checkpoint loads"),
    "2": (disk_full, "the error names the path, the old file is intact, no temporary file is left"),
    "3": (unwritable, "it fails before the first step"),
    "4": (asked_to_stop, "the step is finished and saved, with the documented exit code"),
    "5": (resumed_at_every_step, "all is the same to the bit, with 0 and 2 workers"),
    "6": (resumed_twice_in_an_epoch, "the same to the bit"),
    "7": (resumed_as_another, "refused, with a list of the differences"),
    "8": (checkpoint_damaged, "a checksum error, which offers the previous checkpoint"),
    "9": (malicious, "never executed"),
    "10": (worker_lost, "an error within seconds, the checkpoint kept"),
    "11": (worker_hangs, "a time-out"),
    "12": (bad_pictures, "check lists all; training skips and counts up to a limit, then stops and names them"),
    "13": (unusual_pictures, "handled"),
    "14": (image_bomb, "refused from its header"),
    "15": (odd_labels, "no weight, and finite losses"),
    "16": (bad_boxes, "rejected by id"),
    "17": (bad_records, "an error with its place"),
    "18": (leakage, "an error about leakage"),
    "19": (not_finite, "no update"),
    "20": (bad_predictions, "evaluation refuses or scores 0"),
    "21": (collapse, "the monitor fires"),
    "22": (processes_agree, "the same order and the same weights"),
    "23": (parity, "the same values"),
    "24": (warps_agree, "within 0.01 px"),
    "25": (paths_and_yaml, "refused"),
    "26": (two_runs_in_one_folder, "an error about the lock"),
}
"""By their numbers: what provokes it, and what is expected."""


def provoke(number: str, place: Place) -> dict[str, Any]:
    """One fault: what was done, expected and came, whether it held, and in how many seconds."""
    function, expected = FAULTS[number]
    done = " ".join((function.__doc__ or "").split())
    began = time.monotonic()
    try:
        came, held = function(place), True
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1].line
        came, held = f"{type(error).__name__} in {line}: {' '.join(str(error).split())[:800]}", False
    seconds = round(time.monotonic() - began, 1)
    came = came.replace(str(place.folder), "")
    said = {"done": done, "expected": expected, "came": came, **({} if held else {"failed": 1})}
    return {**said, "held": int(held), "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", nargs="*", help="these alone, without a record")
    asked = parser.parse_args().number
    random.seed(0)
    torch.set_num_threads(1)
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in asked or FAULTS:
            row = provoke(number, Place(Path(folder) / number, Path(folder) / "shared"))
            rows[f"{number} {FAULTS[number][0].__name__}"] = row
            print(number, "held" if row["held"] else "NOT HELD", f"{row['seconds']} s:", row["done"], "->", row["came"])
            sys.stdout.flush()
    if not asked:
        from common import write

        held, seconds = (sum(row.pop(key) for row in rows.values()) for key in ("held", "seconds"))
        write("faults", {"held": held, "total": len(rows), "seconds": round(seconds)}, rows)


if __name__ == "__main__":
    main()
