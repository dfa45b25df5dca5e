"""What is in images: people, by torchvision's detector, or what a finder or a first run finds. What was found is kept,
so that a second or interrupted search goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from semipose.config.schema import FINDER
from semipose.data.extent import Box, label_box
from semipose.data.images import read_images
from semipose.data.open import FinderOf
from semipose.data.pictures import leave_out
from semipose.data.refs import parse
from semipose.data.sample import PoseData
from semipose.errors import UserError
from semipose.models.graph import ENDING
from semipose.outputs.pose import Pose

PEOPLE = "people"
NETWORK = "fasterrcnn_mobilenet_v3_large_fpn"
PERSON = 1
SURE = 0.2
"""Joints that a network is less sure of say nothing of where its box is."""

Detect = Callable[[np.ndarray], list[list[float]]]
"""RGB uint8 (H, W, 3) -> a row x, y, w, h, score for each instance."""


class Finder(NamedTuple):
    """What finds boxes.

    Attributes:
        name: of what it found, in the cache; changes where it would find something else.
        what: it finds, for the progress bar.
        min_score: boxes below it are left out (they are kept in the cache).
        load: the network, only where an image is to be looked at.
    """

    name: str
    what: str
    min_score: float
    load: Callable[[], Detect]

    def find(self, data: PoseData, cache: str | Path | None = None) -> PoseData:
        """`find_boxes` by this."""
        return find_boxes(data, self, cache)


def finder_of(boxes: str | Path, device: str = "auto") -> Finder | None:
    """What `boxes` names: `people`; a run's finder, its folder, model.safetensors or .onnx; or those of a first run,
    which finds one instance an image, in the box that its surer joints span, enlarged as a box of labels is. None where
    it is none.

    Raises:
        UserError: a folder without a trained model.
    """
    if str(boxes) == FINDER:
        raise UserError(
            f"boxes of {FINDER} are a run's own, which has find.steps; name a run, people or a JSON of boxes"
        )
    if str(boxes) == PEOPLE:
        return Finder(NETWORK, "people", 0.7, lambda: _people(device))
    path = Path(boxes).expanduser()
    if not (path.is_dir() or path.suffix in (".safetensors", ENDING)):
        return None
    whole, own = path / "model.safetensors", path / FINDER / "model.safetensors"
    file = path if not path.is_dir() else own if own.exists() else whole
    if not file.exists():
        raise UserError(f"boxes: {file} does not exist; name people, a JSON of boxes, or a run that has ended")
    return Finder(f"{file.resolve()} {file.stat().st_mtime_ns}", "instances", 0.0, lambda: _bodies(file, device))


def finder_file(model: str | Path) -> Path | None:
    """The finder of a run's folder, model.safetensors or checkpoint, where it has one; of an exported network that
    beside it."""
    path = Path(model)
    if path.suffix == ENDING and path.is_file():
        return finder_beside(path)
    folder = path if path.is_dir() else path.parent.parent if path.suffix == ".ckpt" else path.parent
    file = folder / FINDER / "model.safetensors"
    return file if file.exists() else None


def finder_beside(network: Path) -> Path | None:
    """The finder that is taken for that of an exported network."""
    names = [f"{network.stem}-{FINDER}{ENDING}"]
    names += [f"{FINDER}{ENDING}"] * network.stem.startswith("model")  # as `export` calls them without a name
    return next((place for name in names if (place := network.with_name(name)).exists()), None)


def finder_in(run: Path | None) -> FinderOf:
    """As `finder_of`, for a run's own data: of `finder`, what the run's finder finds; whole images before there is
    one."""

    def of(boxes: str) -> Finder | Whole | None:
        if boxes != FINDER:
            return finder_of(boxes)
        return Whole() if run is None else finder_of(run / FINDER)

    return of


class Whole:
    """Finds nothing."""

    def find(self, data: PoseData, cache: str | Path | None = None) -> PoseData:
        """The data as it is."""
        return data


def find_boxes(
    data: PoseData,
    finder: Finder,
    cache: str | Path | None = None,
    progress: bool = True,
    damaged: list[str] | None = None,
) -> PoseData:
    """What `finder` finds in the images of `data`, one sample each, with its score; ids are "<image's id>@<n>". Images
    in which it finds nothing are `unfound`.

    Args:
        cache: a folder; what is found in each image is appended to boxes/<hash>.jsonl there at once, and images that it
            has are not looked at again. A changed file is.
        damaged: takes why images cannot be read, which are left out in any case; without it a warning names them.

    Raises:
        UserError: the network is not here and cannot be downloaded, or nothing is found; without `damaged`, more images
            cannot be read than may be left out (`semipose.data.pictures.leave_out`).
    """
    images = {s.image: s for s in data}
    keys = {image: _key(image) for image in images}
    kept = Path(cache).expanduser() / "boxes" / f"{_hash(finder.name, images)}.jsonl" if cache is not None else None
    found = _kept(kept)
    missing = [image for image in images if keys[image] not in found]
    bad = list[str]() if damaged is None else damaged
    if missing:
        detect = finder.load()
        if kept is not None:
            _append(kept, "\n")  # ends the last line of an interrupted search
        about = escape(f"{finder.what} in {data.name}")
        bar = track(read_images(missing), about, len(missing), console=Console(stderr=True), disable=not progress)
        for image, pixels in bar:
            if isinstance(pixels, UserError):
                bad.append(str(pixels))
                continue
            found[keys[image]] = detect(pixels)
            if kept is not None:
                _append(kept, json.dumps([keys[image], found[keys[image]]]) + "\n")
    if damaged is None:
        leave_out(data.name, bad, len(images))
    samples, unfound = [], []
    for image, sample in images.items():
        rows = [row for row in found.get(keys[image], []) if row[4] >= finder.min_score and row[2] > 1 and row[3] > 1]
        unfound += [sample.id] * (not rows and keys[image] in found)
        for n, (x, y, w, h, score) in enumerate(rows):
            samples.append(replace(sample, id=f"{sample.id}@{n}", box=(x, y, w, h), score=score))
    if not samples:
        raise UserError(
            f"no {finder.what} were found in {len(images)} images of {data.name}; use whole images or give boxes"
        )
    return PoseData(data.name, None, tuple(samples), data.remarks, (*data.left_out, *bad), unfound)


def _people(device: str) -> Detect:
    import torch
    from torchvision.models import detection

    wanted = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    weights = detection.FasterRCNN_MobileNet_V3_Large_FPN_Weights.DEFAULT
    try:
        state = weights.get_state_dict(progress=True, check_hash=True)
    except OSError as error:  # urllib's errors are OSErrors
        place = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
        raise UserError(
            f"the person detector's weights cannot be downloaded ({getattr(error, 'reason', error)}); put"
            f" {weights.url} at {place}, or give boxes as a JSON, or take whole images"
        ) from None
    network = getattr(detection, NETWORK)(weights=None, weights_backbone=None)
    network.load_state_dict(state)
    network = network.to(wanted).eval()

    @torch.inference_mode()
    def detect(pixels: np.ndarray) -> list[list[float]]:
        image = torch.from_numpy(pixels).to(wanted).permute(2, 0, 1).float() / 255
        out: dict[str, Any] = network([image])[0]
        rows = torch.cat([out["boxes"], out["scores"][:, None]], 1)[out["labels"] == PERSON].cpu()
        rows[:, 2:4] -= rows[:, :2]
        return [_rounded(row) for row in rows.tolist()]

    return detect


def _bodies(file: Path, device: str) -> Detect:
    """By a finder, or by the sure joints of a first run."""
    from semipose.bodies import BODIES
    from semipose.inference.bodies import BodyFinder, search_of
    from semipose.inference.predictor import Predictor

    predictor = Predictor.load(file, device)
    if predictor.skeleton.joints == BODIES.joints:
        finder = BodyFinder(predictor, search_of(file))
        return lambda pixels: [_rounded(row) for row in finder([pixels])[0]]

    def detect(pixels: np.ndarray) -> list[list[float]]:
        (pose,) = predictor(pixels)
        box = around(pose, pixels.shape[:2])
        if box is None:
            return []
        return [_rounded([*box, float(pose.score[pose.score >= SURE].mean())])]

    return detect


def _rounded(row: Sequence[float]) -> list[float]:
    """x, y, w, h and a score."""
    return [*(round(value, 2) for value in row[:4]), round(row[4], 4)]


def around(pose: Pose, size: tuple[int, int], longer: float = 0.0) -> Box | None:
    """The box of a pose's surer joints in an image of `size` (height, width), its longer side `longer` pixels or more;
    None where there are fewer than two."""
    sure = pose.score >= SURE
    if sure.sum() < 2:
        return None
    return label_box(np.column_stack([pose.xy, sure]), size, longer=longer)


def _key(image: str) -> str:
    """The image and when its file was last changed."""
    file = parse(image).file
    if file is None:
        return image
    return f"{image} {file.stat().st_mtime_ns if file.exists() else 0}"


def _hash(name: str, images: Iterable[str]) -> str:
    """By folder, so that more frames of the same video or folder find what was looked at before."""
    folders = sorted({parse(image).folder for image in images})
    return hashlib.sha256(json.dumps([name, folders]).encode()).hexdigest()[:16]


def _kept(path: Path | None) -> dict[str, list[list[float]]]:
    if path is None or not path.exists():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            key, rows = json.loads(line)
        except ValueError:
            continue  # the last line of an interrupted search
        found[key] = rows
    return found


def _append(path: Path, line: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError as error:
        raise UserError(
            f"the cache {path} cannot be written ({error.strerror or error}); make its folder writable, or name another"
            " with data.cache, in predict with --cache, elsewhere with the variable HOME"
        ) from None
