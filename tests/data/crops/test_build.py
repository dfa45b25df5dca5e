from __future__ import annotations

import os
import pickle
import resource
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Literal

import cv2
import numpy as np
import pytest

from semipose.data.crops import build as crop_build
from semipose.data.crops import store as crop_store
from semipose.data.crops.build import Crops, CropSpec, build_crops, prune_cache
from semipose.data.open import open_labeled
from semipose.data.sample import PoseData, Sample, Samples
from semipose.errors import UserError
from semipose.skeleton import Skeleton

SKELETON = Skeleton("two", ("a", "b"))
Store = Literal["raw", "jpeg"]
SPEC = CropSpec(size=(24, 20), cover=(36, 30))
IMAGES, PEOPLE = 4, 3


@pytest.fixture
def data(tmp_path: Path) -> PoseData:
    """Four images of three people each; image n is of the grey value 50 n + 20."""
    samples = []
    for n in range(IMAGES):
        file = tmp_path / "images" / f"{n}.png"
        file.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(file), np.full((60, 80, 3), 50 * n + 20, np.uint8))
        for person in range(PEOPLE):
            points = np.array([[20 + person, 30, 2], [200, 30, 2]], np.float32)
            samples.append(Sample(f"{n}#{person}", str(file), (10 + person, 10, 30, 40), points))
    return PoseData("some people", SKELETON, tuple(samples[::2] + samples[1::2]))


def build(data: PoseData, folder: Path, spec: CropSpec = SPEC, **options: object) -> Crops:
    return build_crops(data, spec, folder / "cache", progress=False, **options)  # type: ignore[arg-type]


def greys(crops: Crops) -> list[int]:
    return crops.images(range(len(crops)))[:, 18, 15, 0].tolist()


def expected_greys(data: PoseData) -> list[int]:
    return [50 * int(s.id[0]) + 20 for s in data]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("store", ["raw", "jpeg"])
def test_every_image_is_decoded_once_and_never_again(
    data: PoseData, tmp_path: Path, store: Store, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    real = crop_store.decode_image

    def counted(content: bytes, name: str) -> np.ndarray:
        decoded.append(name)
        return real(content, name)

    monkeypatch.setattr(crop_store, "decode_image", counted)
    spec = replace(SPEC, store=store)
    crops = build(data, tmp_path, spec, workers=workers)
    assert sorted(decoded) == sorted(data.images) and crops.decoded == IMAGES
    assert np.abs(np.subtract(greys(crops), expected_greys(data))).max() <= (2 if store == "jpeg" else 0)
    again = build(data, tmp_path, spec)
    assert len(decoded) == IMAGES and again.decoded == 0
    assert (again.images([5, 1]) == crops.images([5, 1])).all()
    batch = again.images(np.array([0, 0]))
    assert batch.shape == (2, 36, 30, 3) and batch.dtype == np.uint8 and batch.flags.writeable


def test_keypoints_move_with_the_pixels(data: PoseData, tmp_path: Path) -> None:
    crops = build(data, tmp_path)
    points = crops.keypoints([3, 1])
    for got, i in zip(points, (3, 1), strict=True):
        truth = data[i].keypoints
        assert truth is not None
        assert np.allclose(got[0], [*(crops.matrices[i] @ [*truth[0, :2], 1])[:2], 2], atol=1e-4)
        assert (got[1] == 0).all(), "a joint outside the image counts as unlabelled"
    points[:] = 7
    assert not (crops.keypoints([3]) == 7).any()


def test_unlabelled_samples_have_no_labelled_joint(data: PoseData, tmp_path: Path) -> None:
    assert not build(data.unlabeled(), tmp_path).keypoints([0, 1]).any()
    assert build(replace(data.unlabeled(), skeleton=None), tmp_path).keypoints([0, 1]).shape == (2, 0, 3)


def test_a_pickled_copy_reads_the_same_file(data: PoseData, tmp_path: Path) -> None:
    crops = build(data, tmp_path)
    before = greys(crops)
    content = pickle.dumps(crops)
    assert len(content) < 20_000, "the pixels must not travel to the workers"
    assert greys(pickle.loads(content)) == before


def test_a_touched_image_is_kept_and_a_changed_one_rebuilt(data: PoseData, tmp_path: Path) -> None:
    build(data, tmp_path)
    file = Path(data.images[1])
    os.utime(file, (1, 1))
    assert build(data, tmp_path).decoded == 0
    old = file.stat()
    cv2.imwrite(str(file), np.full((60, 80, 3), 233, np.uint8))
    assert file.stat().st_mtime_ns != old.st_mtime_ns
    crops = build(data, tmp_path)
    assert crops.decoded == IMAGES and 233 in greys(crops)


def test_labels_are_no_part_of_the_cache_but_boxes_are(data: PoseData, tmp_path: Path) -> None:
    build(data, tmp_path)
    mended = replace(data, samples=tuple(replace(s, keypoints=np.ones((2, 3), np.float32)) for s in data))
    assert build(mended, tmp_path).decoded == 0
    moved = replace(data, samples=tuple(replace(s, box=(1, 2, 30, 30)) for s in data))
    assert build(moved, tmp_path).decoded == IMAGES


@pytest.mark.parametrize("file", ["crops.bin", "index.json", "rows.bin", "images.bin"])
def test_a_cache_with_a_damaged_file_is_built_again(data: PoseData, tmp_path: Path, file: str) -> None:
    path = build(data, tmp_path).path / file
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.warns(UserWarning, match=r"the crops of some people in .* are made anew: its .* damaged"):
        crops = build(data, tmp_path)
    assert crops.decoded == IMAGES and greys(crops) == expected_greys(data)


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _other_error(path: Path) -> None:
    path.write_text(path.read_text().replace('"errors": {}', '"errors": {"0": "it is no image"}'))


def _other_count(path: Path) -> None:
    path.write_text(path.read_text().replace(f'"images": {IMAGES}', '"images": 99'))


@pytest.mark.parametrize(
    ("file", "edit"),
    [
        ("rows.bin", _flipped),
        ("images.bin", _flipped),
        ("index.json", _flipped),
        ("index.json", _other_error),
        ("index.json", _other_count),
        ("index.json", lambda path: path.write_text("[1]")),
        ("index.json", lambda path: path.write_text("{}")),
        ("index.json", lambda path: path.write_text("[" * 100_000)),
        ("index.json", lambda path: path.unlink()),
        ("rows.bin", lambda path: path.write_bytes(b"")),
    ],
)
def test_an_index_that_was_edited_is_built_again(
    data: PoseData, tmp_path: Path, file: str, edit: Callable[[Path], object]
) -> None:
    edit(build(data, tmp_path).path / file)
    with pytest.warns(UserWarning, match="are made anew: its (files|index)"):
        crops = build(data, tmp_path)
    assert crops.decoded == IMAGES and greys(crops) == expected_greys(data)
    assert build(data, tmp_path).decoded == 0


@pytest.mark.parametrize("store", ["raw", "jpeg"])
def test_damaged_pixels_are_cut_anew_when_they_are_read(data: PoseData, tmp_path: Path, store: Store) -> None:
    spec = replace(SPEC, store=store)
    whole = build(data, tmp_path, spec)
    every = range(len(data))
    right = whole.images(every)
    file = whole.path / "crops.bin"
    content = file.read_bytes()
    file.write_bytes(bytes(len(content) // 2) + content[len(content) // 2 :])
    crops = build(data, tmp_path, spec)
    with pytest.warns(UserWarning, match=r"crops were damaged and are cut anew, first that of .*\.png") as told:
        assert (crops.images(every) == right).all()
    assert len(told) == 1, "one line, however many"
    assert crops.decoded == 0 and file.read_bytes() == content
    _flipped(file)
    Path(data.images[2]).write_bytes(b"<html>")
    with pytest.raises(UserError, match=r"is damaged and cannot be cut anew .*; remove that folder"):
        crops = replace(crops, _file=None, _sound=None)
        crops.images(every)


def test_crops_are_compared_once(data: PoseData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crops = build(data, tmp_path)
    compared = []
    monkeypatch.setattr(crop_build, "checksum_of", lambda part: compared.append(1) or crop_store.checksum_of(part))
    for _ in range(3):
        crops.images([0, 1, 1, 5])
    assert 3 <= len(compared) <= 4


@pytest.mark.parametrize("suffix", [".bmp", ".png"])
@pytest.mark.parametrize("moved", [False, True])
def test_other_content_of_the_same_size_and_time_is_noticed(tmp_path: Path, suffix: str, moved: bool) -> None:
    """Written over, or another file moved to its place, and the clock of the file set back."""
    path, other = tmp_path / f"a{suffix}", tmp_path / f"other{suffix}"
    one, two = np.zeros((400, 300, 3), np.uint8), np.zeros((400, 300, 3), np.uint8)
    one[150:250, 100:200], two[150:250, 100:200] = (10, 20, 30), (30, 20, 10)  # in the middle of a file of 360 kB
    cv2.imwrite(str(path), one)
    cv2.imwrite(str(other), two)
    size = max(path.stat().st_size, other.stat().st_size)
    for file in (path, other):
        file.write_bytes(file.read_bytes().ljust(size, b"\0"))
        os.utime(file, (1e9, 1e9))
    data = PoseData("one", None, [Sample("a", str(path), (0, 0, 300, 400))])
    assert build(data, tmp_path).images([0])[0, 18, 15].tolist() == [30, 20, 10]
    if moved:
        other.replace(path)
    else:
        path.write_bytes(other.read_bytes())
        os.utime(path, (1e9, 1e9))
    assert (path.stat().st_size, path.stat().st_mtime) == (size, 1e9)
    with pytest.warns(UserWarning, match="made anew: .* has changed"):
        crops = build(data, tmp_path)
    assert crops.decoded == 1 and crops.images([0])[0, 18, 15].tolist() == [10, 20, 30]


def test_an_interrupted_build_leaves_nothing(data: PoseData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(crop_store, "_write_index", stop)
        build(data, tmp_path)
    assert [p.suffix for p in (tmp_path / "cache").iterdir()] in ([], [".lock"])
    assert build(data, tmp_path).decoded == IMAGES


def test_of_two_at_once_one_builds(data: PoseData, tmp_path: Path) -> None:
    """Threads, whose locks on a file exclude each other as those of processes do."""
    at_once = Barrier(2)

    def start(_: int) -> int:
        at_once.wait(timeout=10)
        return build(data, tmp_path).decoded

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(start, range(2))) == [0, IMAGES]


def test_a_bad_image_stops_labelled_data_and_is_left_out_within_the_limit(data: PoseData, tmp_path: Path) -> None:
    for n in (1, 3):
        Path(data.images[n]).write_bytes(b"<html>")
    with pytest.raises(UserError) as error:
        build(data, tmp_path)
    message = str(error.value)
    assert (
        "2 of 4 images" in message and data.images[1] in message and data.images[3] in message and "\n" not in message
    )
    with pytest.raises(UserError, match="2 of 4"):
        build(data.unlabeled(), tmp_path)
    with pytest.raises(UserError, match="1 of 1"):
        build(data.subset(["1#0"]), tmp_path, bad_limit=1)
    crops = build(data, tmp_path, bad_limit=0.5)
    assert set(crops.bad) == {data.images[1], data.images[3]}
    assert [data[i].id for i in crops.kept] == list(crops.data.ids)
    assert greys(crops) == expected_greys(crops.data) and len(crops) == 2 * PEOPLE
    cv2.imwrite(data.images[1], np.zeros((60, 80, 3), np.uint8))
    cv2.imwrite(data.images[3], np.zeros((60, 80, 3), np.uint8))
    assert len(build(data, tmp_path)) == len(data), "a mended image is noticed"


@pytest.mark.parametrize("store", ["raw", "jpeg"])
def test_more_than_max_bytes_is_refused_and_leaves_nothing(data: PoseData, tmp_path: Path, store: Store) -> None:
    with pytest.raises(UserError, match="jpeg"):
        build(data, tmp_path, replace(SPEC, store=store), max_bytes=1000)
    assert not [p for p in (tmp_path / "cache").iterdir() if p.is_dir()]


def test_a_full_disk_is_an_error_that_names_the_path(data: PoseData, tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
        with pytest.raises(UserError) as error:
            build(data, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert str(tmp_path / "cache") in str(error.value)
    assert not [p for p in (tmp_path / "cache").iterdir() if p.is_dir()]


def test_prune_removes_what_was_opened_longest_ago(data: PoseData, tmp_path: Path) -> None:
    specs = [replace(SPEC, padding=padding) for padding in (1.0, 1.1, 1.2)]
    paths = [build(data, tmp_path, spec).path for spec in specs]
    for age, path in zip((30, 20, 10), paths, strict=True):
        os.utime(path / "index.json", (1e9 - age, 1e9 - age))
    build(data, tmp_path, specs[0])
    size = sum(f.stat().st_size for f in paths[0].iterdir())
    killed, thesis, notes = (tmp_path / "cache" / name for name in ("killed.partial", "thesis.partial", "notes"))
    for folder in (killed, thesis, notes):
        folder.mkdir()
        (folder / "index.json").write_text("[]")
    (killed / ".semipose").write_text("crops of semipose 1")
    (notes / ".semipose").write_text("a run of semipose")
    assert set(prune_cache(tmp_path / "cache", int(1.5 * size))) == {*paths[1:], killed}
    assert paths[0].exists() and (notes / "index.json").exists() and (thesis / "index.json").exists()


def test_prune_leaves_what_is_not_ours_in_our_folders(data: PoseData, tmp_path: Path) -> None:
    path = build(data, tmp_path).path
    (path / "diary.txt").write_text("mine")
    assert prune_cache(tmp_path / "cache", 0) == [] and (path / "diary.txt").read_text() == "mine"
    older = tmp_path / "cache" / "older"
    older.mkdir()
    for name in ("crops.bin", "spans.npy", "index.json"):
        (older / name).write_text("{}")
    (tmp_path / "cache" / "link").symlink_to(older)
    assert prune_cache(tmp_path / "cache", 0) == [older], "of a version without a marker"


def test_a_folder_that_is_not_ours_is_not_replaced(data: PoseData, tmp_path: Path) -> None:
    path = build(data, tmp_path).path
    shutil.rmtree(path)
    path.mkdir()
    (path / "thesis.tex").write_text("mine")
    with pytest.raises(UserError, match="is there and no crop cache of semipose"):
        build(data, tmp_path)
    assert (path / "thesis.tex").read_text() == "mine"


def test_drawn_people_are_cached_like_photographs(tmp_path: Path) -> None:
    data = open_labeled("synth:studio?count=3")
    assert build(data, tmp_path).decoded == 3
    assert build(data, tmp_path).decoded == 0


def test_no_samples_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no samples"):
        build(PoseData("none", SKELETON, ()), tmp_path)


def test_crops_that_another_run_has_made_anew_are_not_mended(data: PoseData, tmp_path: Path) -> None:
    """Their places are others: bytes of the old ones would damage the new."""
    spec = replace(SPEC, store="jpeg")
    old = build(data, tmp_path, spec)
    image = Path(data.images[0])
    cv2.imwrite(str(image), np.zeros_like(cv2.imread(str(image))))
    with pytest.warns(UserWarning, match="are made anew"):
        new = build(data, tmp_path, spec)
    content = (new.path / "crops.bin").read_bytes()
    with pytest.raises(UserError, match="another run has made the crops anew"):
        old.images(range(len(data) - 1, 0, -1))
    assert (new.path / "crops.bin").read_bytes() == content
    new.images(range(len(data)))


def test_boxes_outside_their_images_are_known(data: PoseData, tmp_path: Path) -> None:
    def moved(*box: float) -> Crops:
        samples = Samples.of([*[*data.samples][:-1], replace(data[len(data) - 1], box=box)])
        return build(replace(data, samples=samples), tmp_path)

    for box in ((78, 10, 5, 5), (0, 0, 1600, 1200)):
        crops = moved(*box)
        assert not len(crops.outside) and crops.stray() is None
    for box in ((80, 10, 5, 5), (0, 0, 1700, 1300)):
        crops = moved(*box)
        assert crops.outside.tolist() == [11]
        assert crops.stray() == (
            "some people: 1 of 12 boxes lie outside their image or are far larger, first that of 3#2"
        )
