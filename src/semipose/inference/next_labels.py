"""Which images to label next: those that a model is unsure of and that differ, from each other and from what is
labelled: what `semipose pick` does.

Images are taken one by one, each time the one with the highest product of its score
(`semipose.inference.uncertainty`) and its distance to the nearest that is taken or labelled: the farthest-first
traversal of Gonzalez (1985), weighted by how unsure the model is. Distances are between the network's encodings of the
plain views, averaged over their cells and scaled to length 1. Near-duplicates (`semipose.data.checks.duplicates`) of
what is taken or labelled are passed over.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from semipose.config import Config
from semipose.data.checks.duplicates import Album, Print, Prints, fingerprint
from semipose.data.crops.build import Crops
from semipose.data.datasets import cut
from semipose.data.images import read_images
from semipose.data.predicted import mark_predicted
from semipose.data.readers.cvat import parted
from semipose.data.readers.deeplabcut import is_deeplabcut
from semipose.data.readers.label_studio import is_label_studio
from semipose.data.refs import Frame, Person, parse
from semipose.data.sample import PoseData
from semipose.errors import UserError
from semipose.files import plain_bytes, read_mapping, real, write_atomically
from semipose.geometry import View
from semipose.inference.evaluation import evaluating
from semipose.inference.uncertainty import BATCH, Inputs, Judgement, judge, on_device, open_both, unfound_in
from semipose.outputs.base import cell
from semipose.outputs.tolabel import FORMATS, Draft, check_installed

SCORER = "semipose"


@dataclass(frozen=True)
class Choice:
    """`files`: what was written besides the pictures, the format's own first. `images`: the chosen ones, first choice
    first, as in the data. `remark`: what could not be looked at. `unfound`: of images in which the run's finder
    finds no body, which are not chosen."""

    files: list[Path]
    images: list[str]
    remark: str = ""
    unfound: str = ""


@dataclass(frozen=True, eq=False)
class Looks:
    """How N samples look: (N, D) encodings of length 1, and what tells near-duplicates."""

    features: np.ndarray
    prints: Sequence[Print]


def choose_images(
    count: int,
    model: str | Path,
    data: str | Path | None = None,
    form: str | None = None,
    out: str | Path = "picked",
    confidence: float = 0.2,
    scorer: str | None = None,
    *,
    frames: str | None = None,
    boxes: str | None = None,
    device: str = "auto",
    seed: int = 0,
    progress: bool = True,
) -> Choice:
    """Choose images to label next, and write them with the model's predictions for a labelling tool, and picked.csv,
    which says why. Beside the labels lies `predicted.json`, the mark of what nobody has corrected yet
    (`semipose.data.predicted`).

    Pictures are written as PNG, as they are read here (a phone's rotation applied, frames of videos decoded): for
    DeepLabCut to labeled-data/<video>/, else to images/.

    Args:
        model, data, frames, boxes, seed: as of `semipose.audit`. Labelled images are the data.yaml's, or the run's own.
        form: one of `semipose.outputs.tolabel.FORMATS`: dlc, sleap, label-studio, cvat, coco; None, that of the tool
            which the labels are from, coco where they are from none of these.
        out: a new or empty folder.
        confidence: joints with a lower peak are left out.
        scorer: for DeepLabCut; by default that of the project which the labels are from.

    Raises:
        UserError: there are fewer images to choose from, the format is not known or its package not installed, the
            folder is not empty, or see `audit`.
    """
    folder = Path(out)
    if form is not None:
        check_installed(form)
    if count < 1:
        raise UserError(f"pick {count}: ask for one image or more")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there and not empty; name a new folder with --out")
    opened = open_both(model, data, frames, boxes)
    if form is None:
        check_installed(form := _form_of(opened.config))
    known = {real(image) for each in opened.known for image in each.images}
    _refuse_more(count, len({real(image) for image in opened.unlabeled.images} - known), opened.unlabeled)
    judged = judge(opened, device, seed, progress)
    worst = worst_of_images(judged)
    rows = [i for image, i in worst.items() if real(image) not in known]
    _refuse_more(count, len(rows), opened.unlabeled)
    network, where = next(iter(opened.networks.values())), on_device(opened.networks, device)
    looks = looks_of(network, judged.crops, where, rows)
    crops = [cut(each, opened.config, train=True, progress=progress) for each in opened.known]
    labeled = [looks_of(network, each, where) for each in crops if each is not None]
    chosen = choose(looks, judged.score[rows], count, labeled)
    filled = write_pictures(judged, [rows[i] for i, _ in chosen], folder, form, confidence, most_in(opened))
    joints = judged.skeleton
    files = FORMATS[form](folder, filled, joints, scorer or _scorer(opened.config))
    mark_predicted([file for file in files if file.suffix != ".yaml"])
    write_atomically(folder / "picked.csv", plain_bytes(_table(judged, [(rows[i], far) for i, far in chosen], filled)))
    images = [judged.data[rows[i]].image for i, _ in chosen]
    return Choice([*files, folder / "picked.csv"], images, opened.remark, unfound_in(opened.unlabeled))


def most_in(opened: Inputs) -> int:
    """The most bodies of an image that is labelled, as far as that is told, or looked at."""
    parts = [opened.unlabeled, *opened.known]
    return max(int(np.bincount(part.samples.images.grouped()[1]).max()) for part in parts)


def _refuse_more(count: int, there: int, unlabeled: PoseData) -> None:
    if count > there:
        less = f" ({unfound})" if (unfound := unfound_in(unlabeled)) else ""
        raise UserError(f"pick {count}: there are {there} images that are not labelled{less}; ask for so many or fewer")


def worst_of_images(judged: Judgement) -> dict[str, int]:
    """Each image's sample with the highest score; an image is labelled as a whole."""
    images, found = judged.data.samples.images, dict[str, int]()
    for i in np.argsort(-judged.score, kind="stable").tolist():
        found.setdefault(images[i], i)
    return found


def choose(looks: Looks, scores: np.ndarray, count: int, labeled: Sequence[Looks] = ()) -> list[tuple[int, float]]:
    """`count` of N samples and how far each was from what was taken before, see the top of this file.

    Args:
        scores: (N,), how unsure of each; the first is taken by it alone where nothing is labelled.

    Raises:
        UserError: too few differ.
    """
    nearest = np.full(len(scores), 2.0)  # as far as two of length 1 can be
    for each in labeled:
        for part in np.array_split(each.features, -(-len(each.features) // BATCH)):
            nearest = np.minimum(nearest, _distance(looks.features, part).min(1))
    taken = Album(mark for each in labeled for mark in each.prints)
    left = np.ones(len(scores), bool)
    found: list[tuple[int, float]] = []
    while len(found) < count:
        order = np.argsort(np.where(left, -scores * nearest, 1.0), kind="stable")[: left.sum()]
        for best in order.tolist():
            left[best] = False
            if taken.nearest(looks.prints[best]) is None:
                break
        else:
            raise UserError(
                f"pick {count}: only {len(found)} images differ from each other and from what is labelled, the others"
                f" are near-duplicates; ask for {len(found)} or fewer, or for more frames with --frames"
            )
        found.append((best, float(nearest[best])))
        taken.add(looks.prints[best])
        nearest = np.minimum(nearest, _distance(looks.features, looks.features[[best]])[:, 0])
    return found


def _distance(these: np.ndarray, those: np.ndarray) -> np.ndarray:
    """(N, M) between rows of length 1, by their angles, which takes no (N, M, D)."""
    return np.sqrt((2 - 2 * these @ those.T).clip(0))


class _Encoding:
    """A tap that keeps what the encoder made of a batch, averaged over cells (B, D)."""

    def __init__(self) -> None:
        self.last = torch.empty(0)

    def __call__(self, name: str, x: Tensor) -> Tensor:
        if name == "encoder":
            self.last = x.float().mean((-2, -1))
        return x


@torch.inference_mode()
def looks_of(
    network: nn.Module,
    crops: Crops,
    device: torch.device | str = "cpu",
    rows: Sequence[int] | None = None,
    batch: int = BATCH,
) -> Looks:
    """How the plain views of crops, all or those at `rows`, look to a network on `device`."""
    tap, prints, features = _Encoding(), Prints(), []
    every = np.arange(len(crops)) if rows is None else np.array(rows)
    with evaluating(network):
        for start in range(0, len(every), batch):
            pixels = torch.from_numpy(crops.images(every[start : start + batch])).to(device)
            plain = View.of(pixels, crops.spec.size).image
            network(plain, tap)
            features.append(torch.nn.functional.normalize(tap.last, dim=1).cpu().numpy())
            shown = (255 * plain).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
            prints.add(fingerprint(np.ascontiguousarray(each)) for each in shown)
    return Looks(np.concatenate(features), prints)


def write_pictures(
    judged: Judgement, rows: Sequence[int], folder: Path, form: str, confidence: float, most: int = 1
) -> list[Draft]:
    """Write the images of samples as PNG, and say what is predicted in each, joints below `confidence` left out.

    Args:
        most: bodies that an image may show.
    """
    data = judged.data
    images = [data[i].image for i in rows]
    samples: dict[str, list[int]] = {image: [] for image in images}
    for i, image in enumerate(data.samples.images):
        if image in samples:
            samples[image].append(i)
    names = _names(images, form)
    sizes: dict[str, tuple[int, int]] = {}
    for image, pixels in read_images(images):
        if isinstance(pixels, UserError):
            raise pixels
        sizes[image] = (pixels.shape[0], pixels.shape[1])
        write_atomically(folder / names[image], cv2.imencode(".png", pixels[..., ::-1])[1].tobytes())
    filled = []
    for image in images:
        poses = judged.points[samples[image]].copy()
        poses[..., :2][poses[..., 2] < confidence] = np.nan
        boxes = np.array([data[i].box for i in samples[image]])
        filled.append(Draft(names[image], image, sizes[image], poses, boxes, most))
    return filled


def _names(images: Sequence[str], form: str) -> dict[str, str]:
    """A file for each image, all different: labeled-data/<video or folder>/<frame>.png, as DeepLabCut has them, or
    images/<video or folder>-<frame>.png."""
    found: dict[str, str] = {}
    used, last = set[str](), Counter[str]()
    for image in images:
        match parse(image):
            case Frame() as frame:
                where, stem = frame.file.stem, f"img{frame.number:05d}"
            case Person(domain, seed, index):
                where, stem = f"{domain}-{seed}", str(index)
            case ref:
                where, stem = ref.file.parent.name or "images", ref.file.stem
        start = f"labeled-data/{where}/{stem}" if form == "dlc" else f"images/{where}-{stem}"
        start = plain_bytes(start).decode()
        name = f"{start}.png"
        while name in used:
            last[start] += 1
            name = f"{start}-{last[start] + 1}.png"
        used.add(name)
        found[image] = name
    return found


def _form_of(config: Config) -> str:
    """The format of the tool that labels are from."""
    named = config.data.labeled
    source = parted(named[0] if isinstance(named, list) else named or "")[0]  # CVAT's file, not a subset of it
    if is_deeplabcut(source):
        return "dlc"
    if is_label_studio(str(source)):
        return "label-studio"
    return {".slp": "sleap", ".xml": "cvat"}.get(source.suffix.lower(), "coco")


def _scorer(config: Config) -> str:
    """Of the DeepLabCut project that the labels are from."""
    source = config.data.labeled
    if isinstance(source, str) and is_deeplabcut(Path(source)):
        folder = Path(source).parent if Path(source).name == "config.yaml" else Path(source)
        return re.sub(r"[^\w .+-]", "_", str(read_mapping(folder / "config.yaml").get("scorer") or SCORER))[:100]
    return SCORER


def _table(judged: Judgement, chosen: Sequence[tuple[int, float]], filled: Sequence[Draft]) -> str:
    """picked.csv: a row an image, in the order they were chosen."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(("file", "sample", "score", "distance", "worst_joint"))
    for (i, far), each in zip(chosen, filled, strict=True):
        joint = judged.skeleton.joints[int(judged.trouble[i].argmax())]
        name, sample = cell(each.file), cell(judged.data[i].id)
        rows.writerow((name, sample, f"{judged.score[i]:.4f}", f"{far:.4f}", cell(joint)))
    return text.getvalue()
