"""What draws a training's progress, a process of its own beside it: `python -m semipose.browser.preview` reads lines of
its input, [run, folder, stamp] as JSON, and for each predicts a few frames with the newest weights of the run.

It takes a low priority, one thread and no GPU, reads checkpoints and writes none, and ends where nobody asks any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semipose.errors import UserError, plain_line
from semipose.files import read_json, write_atomically

if TYPE_CHECKING:
    from semipose.inference.predictor import Predictor

FRAMES, TOLD = "frames.json", "told.json"
SIDE = 360
"""Pixels of the longer side of a picture."""
TRIES = 3


NICE = 5
IDLE = 60
"""Seconds without a question after which the process ends."""


def main(lines: Iterable[str]) -> None:
    """Answer until the input ends."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICE)
    idle: threading.Timer | None = None
    for line in lines:
        if idle is not None:
            idle.cancel()
        run, folder, stamp = json.loads(line)
        draw(Path(run), Path(folder), stamp)
        idle = threading.Timer(IDLE, os._exit, [0])
        idle.daemon = True
        idle.start()


def draw(run: Path, folder: Path, stamp: str) -> bool:
    """Predict, and write <step>.json and the pictures; what came of it is in told.json. Whether it went well."""
    line = ""
    try:
        refs = read_json(folder.parent / FRAMES)
        step, predictor = newest(run)
        content = {
            "step": step,
            "joints": list(predictor.skeleton.joints),
            "frames": drawn(run, predictor, refs, folder),
        }
        write_atomically(folder / f"{step:09d}.json", json.dumps(content).encode())
    except UserError as error:
        line = plain_line(error)
    except Exception as error:  # of whatever a run's files say; the next checkpoint is tried again
        line = plain_line(f"{type(error).__name__}: {error}")[:300]
    write_atomically(folder / TOLD, json.dumps({"stamp": stamp, "line": line}).encode())
    return not line


def weights_of(run: Path) -> Path:
    """The file of a run's newest weights; of one that goes on it is written anew."""
    return run / "model.safetensors" if (run / "summary.json").exists() else run / "checkpoints" / "last.ckpt"


def key_of(ref: str) -> str:
    """What a frame's picture is called."""
    return sha256(ref.encode()).hexdigest()[:16]


def newest(run: Path) -> tuple[int, Predictor]:
    """The step and the first network of a run's newest weights.

    Raises:
        UserError: there are none that are whole.
    """
    import torch

    from semipose.inference.predictor import Predictor

    torch.set_num_threads(1)
    path = weights_of(run)
    if path.suffix != ".ckpt":
        return int(read_json(run / "summary.json").get("steps") or 0), Predictor.load(run, "cpu")
    for _ in range(TRIES):  # a checkpoint is replaced as a whole; of which step it is has to be of the same file
        before = path.stat() if path.exists() else None
        step, predictor = _of_checkpoint(path)
        if before is not None and path.exists() and path.stat().st_ino == before.st_ino:
            break
    return step, predictor


def _of_checkpoint(path: Path) -> tuple[int, Predictor]:
    from semipose.config import Config
    from semipose.config.resolve import resolve
    from semipose.errors import boundary
    from semipose.inference.predictor import Predictor
    from semipose.models import checkpoint
    from semipose.models.build import build_model
    from semipose.models.fold import fold
    from semipose.models.tensors import load_weights
    from semipose.skeleton import Skeleton

    saved = checkpoint.load(path)
    with boundary(path, "a checkpoint of a run"):
        config, skeleton = resolve(Config(), saved["config"]), Skeleton.from_dict(saved["skeleton"])
        step = int(saved["progress"]["step"])
    del saved
    network = build_model(replace(config.model, weights="none"), len(skeleton))
    load_weights(network, path)
    model = config.model
    return step, Predictor(fold(network.eval()), skeleton, model.padding, "cpu", config.decode, sigma=model.sigma)


def drawn(run: Path, predictor: Predictor, refs: Sequence[str], folder: Path) -> dict[str, Any]:
    """Of each frame by its key its `size` (width, height) and `bodies`, lists of x, y and confidence; what cannot be
    read is left out. Its picture is written beside the runs' folders where it is not there yet."""
    import cv2

    from semipose.browser.pictures import encoded
    from semipose.data.images import read_image
    from semipose.inference.bodies import BodyFinder
    from semipose.inference.boxes import finder_file
    from semipose.inference.found import Found

    finder = finder_file(run)
    whole = predictor if finder is None else Found(BodyFinder.load(finder, "cpu"), predictor)
    found: dict[str, Any] = {}
    for ref in refs:
        try:
            pixels = read_image(ref)
        except UserError:
            continue
        poses, place = whole(pixels), folder.parent / f"{key_of(ref)}.jpg"
        high, wide = pixels.shape[:2]
        bodies = [pose.keypoints.round(2).tolist() for pose in poses]
        found[key_of(ref)] = {"size": [wide, high], "bodies": bodies}
        if not place.exists():
            scale = min(1.0, SIDE / max(high, wide))
            small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            write_atomically(place, encoded(small, ".jpg", 88))
    return found


if __name__ == "__main__":
    main(sys.stdin)
