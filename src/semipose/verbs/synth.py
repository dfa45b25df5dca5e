"""`semipose synth`."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

from semipose.errors import UserError
from semipose.files import ready, write_atomically

if TYPE_CHECKING:
    from semipose.data.sample import Sample


def synth(
    out: str | Path,
    *,
    count: int = 100,
    domain: Literal["studio", "wild"] = "wild",
    seed: int = 0,
    start: int = 0,
    progress: bool = True,
) -> list[Path]:
    """Draw synthetic people with labels into a folder.

    Args:
        out: The folder.
        count: How many people, an image each.
        domain: What they look like and stand in.
        seed: Another one draws other people.
        start: The first person's number.

    Returns: annotations.json (COCO keypoints), contact_sheet.png, and the folder of images.

    Raises:
        UserError: fewer than one person, or the folder cannot be written.

    Example: semipose synth people --count 200 --domain wild
    """
    import cv2
    from rich.console import Console
    from rich.progress import track

    from semipose.data.images import read_image
    from semipose.data.marks import encoded, refuse_drawn_by_others
    from semipose.data.refs import MOST
    from semipose.data.synthetic.people import contact_sheet, dataset

    if count < 1:
        raise UserError(f"synth draws at least 1 person, not {count}")
    if count > MOST:
        raise UserError(f"synth draws at most {MOST:,} people at once, not {count}")
    data = dataset(domain, count, seed, start)
    folder = Path(out)
    ready(folder / "annotations.json", rb'"file_name": "(studio|wild)-\d+-\d{6}\.png"')
    refuse_drawn_by_others(folder / "contact_sheet.png")
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror or error}); name another") from None
    assert data.skeleton is not None
    images, annotations = [], []
    bar = track(data, "drawing", console=Console(stderr=True), disable=not progress or count < 200)
    for number, sample in enumerate(bar, 1):
        pixels, name = read_image(sample.image), f"{domain}-{seed}-{start + number - 1:06d}.png"
        if not cv2.imwrite(str(folder / "images" / name), pixels[..., ::-1]):
            raise UserError(f"{folder / 'images' / name} could not be written; is the disk full?")
        images.append({"id": number, "file_name": name, "height": pixels.shape[0], "width": pixels.shape[1]})
        annotations.append(_annotation(number, sample))
    limbs = [[a + 1, b + 1] for a, b in data.skeleton.limbs]
    category = {"id": 1, "name": "person", "keypoints": list(data.skeleton.joints), "skeleton": limbs}
    document = {"images": images, "annotations": annotations, "categories": [category]}
    write_atomically(folder / "annotations.json", json.dumps(document).encode())
    write_atomically(folder / "contact_sheet.png", encoded(contact_sheet(seed, domain), ".png"))
    return [folder / "annotations.json", folder / "contact_sheet.png", folder / "images"]


def _annotation(number: int, sample: Sample) -> dict[str, Any]:
    assert sample.keypoints is not None
    return {
        "id": number,
        "image_id": number,
        "category_id": 1,
        "bbox": [round(float(v), 3) for v in sample.box],
        "area": round(float(sample.box[2] * sample.box[3]), 3),
        "iscrowd": 0,
        "num_keypoints": int((sample.keypoints[:, 2] > 0).sum()),
        "keypoints": sample.keypoints.round(3).astype(float).ravel().tolist(),
    }


def _print(files: list[Path], asked: SimpleNamespace) -> None:
    print(f"wrote {', '.join(map(str, files))}")
