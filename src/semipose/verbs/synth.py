"""Synthetic people as files: what the verb `synth` writes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
from rich.console import Console
from rich.progress import track

from semipose.data.images import read_image
from semipose.data.synthetic.people import contact_sheet, dataset
from semipose.errors import UserError


def synth(out: str | Path, count: int = 100, domain: str = "wild", seed: int = 0, start: int = 0) -> list[Path]:
    """Draw `count` synthetic people into a folder.

    Returns: `annotations.json` (COCO keypoints), `contact_sheet.png`, and the folder of images.
    """
    if count < 1:
        raise UserError(f"synth draws at least 1 person, not {count}")
    data = dataset(domain, count, seed, start)
    folder = Path(out)
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror or error}); choose another with --out") from None
    assert data.skeleton is not None
    images, annotations = [], []
    for number, sample in enumerate(track(data, "drawing", console=Console(stderr=True), disable=count < 200), 1):
        pixels, name = read_image(sample.image), f"{domain}-{seed}-{start + number - 1:06d}.png"
        cv2.imwrite(str(folder / "images" / name), pixels[..., ::-1])
        images.append({"id": number, "file_name": name, "height": pixels.shape[0], "width": pixels.shape[1]})
        assert sample.keypoints is not None
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "bbox": [round(float(v), 3) for v in sample.box],
                "area": round(float(sample.box[2] * sample.box[3]), 3),
                "iscrowd": 0,
                "num_keypoints": int((sample.keypoints[:, 2] > 0).sum()),
                "keypoints": sample.keypoints.round(3).astype(float).ravel().tolist(),
            }
        )
    limbs = [[a + 1, b + 1] for a, b in data.skeleton.limbs]
    category = {"id": 1, "name": "person", "keypoints": list(data.skeleton.joints), "skeleton": limbs}
    document = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / "annotations.json").write_text(json.dumps(document))
    cv2.imwrite(str(folder / "contact_sheet.png"), contact_sheet(seed, domain)[..., ::-1])
    return [folder / "annotations.json", folder / "contact_sheet.png", folder / "images"]
