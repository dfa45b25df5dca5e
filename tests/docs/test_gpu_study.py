"""benchmarks/gpu_study.py: a pack is what it was made of or is refused, and trainings end in time."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import signal
import sys
import tarfile
import time
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from semipose.data.open import open_labeled
from semipose.data.pictures import decode_image, picture_size
from semipose.errors import UserError
from tests.fixtures.projects import picture

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MICE, PEOPLE = 14, 14
JOINTS = ("snout", "left_ear", "right_ear", "tail")


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu_study

    return gpu_study


@pytest.fixture
def rows(study: ModuleType) -> ModuleType:
    import gpu_rows

    return gpu_rows


def joints_of(i: int, count: int) -> np.ndarray:
    """(count, 3) x, y, v inside a picture of 80 x 64."""
    rng = np.random.default_rng(i)
    return np.column_stack([rng.uniform(8, 56, count), rng.uniform(8, 70, count), np.full(count, 2)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A few pictures of noise in the layouts of both protocols."""
    folder = tmp_path / "data"
    mice, people = folder / "mouse_topview", folder / "lspet"
    images, annotations = [], []
    for i in range(MICE):
        picture(mice / "images" / f"{i}.jpg", i, (80, 64))
        images.append({"id": i, "file_name": f"{i}.jpg", "width": 64, "height": 80})
        flat = joints_of(i, len(JOINTS)).ravel().tolist()
        annotations.append({"id": i, "image_id": i, "category_id": 1, "bbox": [0, 0, 64, 80], "keypoints": flat})
    categories = [{"id": 1, "name": "mouse", "keypoints": list(JOINTS), "skeleton": []}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (mice / "keypoints.json").write_text(json.dumps(content))
    for i in range(PEOPLE):
        picture(people / "images" / f"im{i + 1:05d}.jpg", 100 + i, (80, 64))
    visible = np.stack([joints_of(i, 14) for i in range(PEOPLE)], -1)
    visible[:, 2] = 1
    savemat(people / "joints.mat", {"joints": visible})
    return folder


@pytest.fixture
def packed(study: ModuleType, data: Path, tmp_path: Path) -> Path:
    out = tmp_path / "study.tar"
    assert study.pack(data, out, quality=40) == out.stat().st_size
    return out


def test_what_is_unpacked_has_the_same_labels_and_smaller_images_of_the_same_size(
    study: ModuleType, data: Path, packed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    manifest = study.unpack(packed, out)
    assert manifest["quality"] == 40 and manifest["commit"]
    for source in ("mouse_topview/keypoints.json", "lspet"):
        before, after = (open_labeled(str(folder / source)) for folder in (data, out))
        assert len(before) == len(after) > 10 and before.skeleton == after.skeleton
        for a, b in zip(before, after, strict=True):
            assert (a.id, a.box) == (b.id, b.box) and np.array_equal(a.keypoints, b.keypoints)
            assert picture_size(a.image) == picture_size(b.image)
            assert Path(b.image).stat().st_size < Path(a.image).stat().st_size
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files == {*manifest["files"], "manifest.json"}


def test_what_is_unpacked_already_stays(study: ModuleType, packed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    study.unpack(packed, out)
    image = out / "lspet" / "images" / "im00001.jpg"
    before = image.stat().st_mtime_ns
    study.unpack(packed, out)
    assert image.stat().st_mtime_ns == before
    (out / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match="holds another pack"):
        study.unpack(packed, out)


def test_a_smaller_image_looks_the_same_and_other_files_are_the_same(study: ModuleType, tmp_path: Path) -> None:
    across = np.tile(np.arange(0, 240, 4, np.uint8), (40, 1))
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), across, [cv2.IMWRITE_JPEG_QUALITY, 100])
    content = study.smaller(path, 40)
    assert len(content) < path.stat().st_size
    again = decode_image(content, "a").astype(int)
    assert again.shape == (40, 60, 3) and np.abs(again - across[..., None]).mean() < 4
    (tmp_path / "a.json").write_text("{}")
    assert study.smaller(tmp_path / "a.json", 30) == b"{}"


def test_data_that_lacks_a_protocol_is_said(study: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no folder lspet"):
        study.pack(tmp_path, tmp_path / "study.tar")


def test_a_pack_that_is_too_large_is_not_written(
    study: ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "LIMIT", 1000)
    with pytest.raises(UserError, match="give a --quality below 40"):
        study.pack(data, tmp_path / "study.tar", 40)
    assert not (tmp_path / "study.tar").exists()


def written(path: Path, contents: dict[str, bytes], **manifest: Any) -> Path:
    """A pack of files, whose manifest may say something else."""
    about = {"commit": "a", "quality": 30, "files": {n: hashlib.sha256(c).hexdigest() for n, c in contents.items()}}
    with tarfile.open(path, "w:gz") as tar:
        for name, content in {"manifest.json": json.dumps(about | manifest).encode(), **contents}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["../b.txt", "/tmp/b.txt", "a/../../b.txt"])
def test_a_path_out_of_the_folder_is_refused(study: ModuleType, tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match=r"outside the destination|is no file of a pack"):
        study.unpack(written(tmp_path / "bad.tar", {name: b"x"}), tmp_path / "in" / "data")
    assert not list(tmp_path.rglob("b.txt")) and not (tmp_path / "in" / "data").exists()


def test_links_are_refused(study: ModuleType, tmp_path: Path) -> None:
    path = written(tmp_path / "good.tar", {"a.txt": b"x"})
    assert study.unpack(path, tmp_path / "good")["commit"] == "a"
    with tarfile.open(tmp_path / "bad.tar", "w:gz") as tar:
        head = (tmp_path / "good" / "manifest.json").read_bytes()
        member = tarfile.TarInfo("manifest.json")
        member.size = len(head)
        tar.addfile(member, io.BytesIO(head))
        link = tarfile.TarInfo("a.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "manifest.json"
        tar.addfile(link)
    with pytest.raises(UserError, match=r"'a.txt' is no file of a pack"):
        study.unpack(tmp_path / "bad.tar", tmp_path / "out")


def test_damage_is_a_sentence(study: ModuleType, packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Whether it is cut short, another file, or of other content than its manifest says."""
    out, cut, other = tmp_path / "out", tmp_path / "cut.tar", tmp_path / "other.tar"
    cut.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    other.write_bytes(b"what" * 1000)
    for path in (cut, other, tmp_path / "none.tar"):
        with pytest.raises(UserError, match=r"is no whole pack|cannot be unpacked"):
            study.unpack(path, out)
    for files, said in (({"a": "0" * 64}, "a is not what the manifest says"), ({}, "a is not what the manifest says")):
        with pytest.raises(UserError, match=said):
            study.unpack(written(tmp_path / "bad.tar", {"a": b"x"}, files=files), out)
    more = {name: hashlib.sha256(b"x").hexdigest() for name in "ab"}
    with pytest.raises(UserError, match="lacks 1 files, such as b"):
        study.unpack(written(tmp_path / "bad.tar", {"a": b"x"}, files=more), out)
    for wrong in ({"files": 3}, {"quality": "x"}, {"commit": []}):
        with pytest.raises(UserError, match="is no whole pack"):
            study.unpack(written(tmp_path / "bad.tar", {"a": b"x"}, **wrong), out)
    assert not out.exists()
    assert study.main(["run", "--pack", str(cut), "--out", str(out), "--work", str(tmp_path / "work")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_what_unpacks_to_too_much_is_refused(
    study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.tar", {"a": b"x" * 5000, "b": b"x" * 5000})
    monkeypatch.setattr(study, "UNPACKED", 8000)
    with pytest.raises(UserError, match="holds more than 8000 bytes"):
        study.unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_package_that_lacks_is_named(study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setitem(study.WHEELS, "no_such_module", "no-such-package==1")
    with pytest.raises(UserError, match=r"this Python lacks no-such-package==1; .* --dest wheels no-such-package==1"):
        study.install(None, tmp_path)
    with pytest.raises(UserError, match="holds no wheel"):
        study.install(tmp_path, tmp_path)


def test_the_plan_begins_with_what_the_comparison_needs(rows: ModuleType) -> None:
    whole = rows.studies()
    tasks = rows.plan(whole, [0, 1, 2])
    assert len(tasks) == len(set(tasks))
    for place, task in enumerate(tasks):
        assert task.row in (rows.START, *whole[task.protocol].protocol.rows)
        assert task.row == rows.START or tasks.index(task.start) < place
    first = [task for task in tasks if task.row != rows.START][:18]
    assert {(task.protocol, task.draw, task.row) for task in first} == {
        (name, draw, row)
        for name, best in (("mouse", "mum"), ("people", "multiaugs_dual"))
        for draw in range(3)
        for row in ("supervised", best, "oracle")
    }
    assert {task.labels for task in first} == {10, 100, 500, 4000}
    counts = {(task.protocol, task.labels) for task in tasks if task.row == "mum"}
    assert counts == {("people", n) for n in (100, 200, 500)} | {("mouse", n) for n in (5, 10, 30)}
    assert sum(task.row == "oracle" for task in tasks) == 6, "one a draw, whatever the number of labels"
    assert rows.plan(rows.studies(["mouse"], [5]), [1])[0] == rows.Task("mouse", 5, 1, "start")
    with pytest.raises(UserError, match="mouse 10, 5, 30"):
        rows.studies(["mouse"], [7])


def test_lengths_keep_the_ratio_of_rows(rows: ModuleType) -> None:
    protocol = rows.PROTOCOLS["mouse"]
    longer = protocol.of_length(7, 4 * protocol.steps)
    assert (longer.start, longer.steps) == (7, 4 * protocol.steps)
    assert longer.rows["longer"]["steps"] == 4 * protocol.rows["longer"]["steps"]
    assert longer.config.eval_every == 4 * protocol.config.eval_every
    assert longer.rows["mum"] == protocol.rows["mum"]


def begun(seconds: float, code: int = 0) -> BaseProcess:
    """A process that ends after some seconds with an exit code."""
    process = multiprocessing.get_context("fork").Process(target=ends, args=(seconds, code), daemon=True)
    process.start()
    return process


def ends(seconds: float, code: int) -> None:
    time.sleep(seconds)
    raise SystemExit(code)


def test_trainings_end_in_time(rows: ModuleType) -> None:
    tasks = [rows.Task("mouse", 10, draw, "start") for draw in range(4)]
    processes = []

    def launch(task: Any) -> BaseProcess:
        processes.append(begun(0 if task.draw == 0 else 600))
        return processes[-1]

    began, heard = time.monotonic(), []
    left = rows.side_by_side(tasks, launch, 2, began + 3, lambda task, code: heard.append((task.draw, code)))
    assert 2.5 < time.monotonic() - began < 30
    assert left == tasks[1:] and heard == [(0, 0)]
    assert len(processes) == 3 and not any(process.is_alive() for process in processes)


def test_a_row_waits_for_its_start_and_is_left_where_that_failed(rows: ModuleType) -> None:
    good, bad = (rows.Task("mouse", 10, draw, "start") for draw in range(2))
    tasks = [good, good._replace(row="mum"), bad, bad._replace(row="mum"), good._replace(row="longer")]
    order: list[tuple[str, Any]] = []

    def launch(task: Any) -> BaseProcess:
        order.append(("begun", task))
        return begun(0.2, 5 if task == bad else 0)

    left = rows.side_by_side(
        tasks, launch, 3, time.monotonic() + 60, lambda task, code: order.append((f"ended {code}", task))
    )
    assert left == [bad, bad._replace(row="mum")]
    assert order[:2] == [("begun", good), ("begun", bad)] and ("ended 5", bad) in order
    for row in (tasks[1], tasks[4]):
        assert order.index(("ended 0", good)) < order.index(("begun", row))


def test_a_process_that_does_not_listen_is_killed(rows: ModuleType) -> None:
    deaf = multiprocessing.get_context("fork").Process(target=listens_not, daemon=True)
    deaf.start()
    time.sleep(0.5)
    began = time.monotonic()
    rows.stop([deaf], grace=0.5)
    assert deaf.exitcode == -signal.SIGKILL and time.monotonic() - began < 20


def listens_not() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


def test_scores_of_a_number_of_labels_are_its_own(rows: ModuleType) -> None:
    study = rows.Study(rows.PROTOCOLS["mouse"], (10, 5))

    def run(pck: float) -> dict[str, float]:
        return {"pck": pck, "gross": 100 - pck, "px": 1.0}

    scored = {("supervised", 10): 50, ("mum", 10): 60, ("supervised", 5): 30, ("oracle", 500): 90}
    runs = {rows.Task("mouse", labels, 0, row): run(pck) for (row, labels), pck in scored.items()}
    whole = rows.summary_of(study, runs)
    assert whole["best_minus_control_10"] == 10 and whole["gap_share_10"] == 0.25 and whole["oracle_10"] == 90
    assert whole["row_supervised_5"] == 30 and "best_minus_control_5" not in whole
    runs[rows.Task("mouse", 500, 0, "oracle")] = run(50)
    whole = rows.summary_of(study, runs)
    assert whole["row_mum_10"] == 60 and "gap_share_10" not in whole, "no gap, no share of it"


@pytest.mark.slow
def test_a_small_study_is_trained_goes_on_and_is_recorded(
    study: ModuleType,
    rows: ModuleType,
    packed: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows, "THEN", ())
    manifest = study.unpack(packed, tmp_path / "work")
    place = rows.Place(tmp_path / "work", tmp_path / "runs", tmp_path / "out")

    def tiny(name: str) -> Any:
        protocol = replace(rows.PROTOCOLS[name].of_length(2, 3), best="mum")
        optim = replace(protocol.config.optim, batch=4)
        config = replace(protocol.config, optim=optim, accelerator="cpu")
        return replace(protocol, train=8, val=4, config=config)

    studies = {"mouse": rows.Study(tiny("mouse"), (3,)), "people": rows.Study(tiny("people"), (4,))}
    began = time.monotonic()
    assert rows.run(studies, [0], place, 1, began, began + 1.0, manifest) == 0
    assert not list(place.out.glob("*.json")), "a second is not enough for a training"
    began = time.monotonic()
    assert rows.run(studies, [0], place, 2, began, began + 3000, manifest) == 0
    assert "10 of 10 trainings are finished, 0 failed" in capsys.readouterr().out
    for name, labels in (("mouse", 3), ("people", 4)):
        content = json.loads((place.out / f"gpu_{name}.json").read_text())
        names = {f"start {labels} 0", f"supervised {labels} 0", f"mum {labels} 0", "start 8 0", "oracle 8 0"}
        assert set(content["runs"]) == names and content["missing"] == []
        assert content["commit"] and "torch" in content["machine"] and content["seconds"] > 0
        assert content["summary"][f"row_mum_draws_{labels}"] == content["summary"][f"row_oracle_draws_{labels}"] == 1
        assert all(isinstance(value, int | float) for value in content["summary"].values())
        assert content["runs"][f"mum {labels} 0"]["unlabeled"] == 8 - labels
