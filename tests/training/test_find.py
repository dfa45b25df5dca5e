from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from semipose.config import Config, DataConfig, ModelConfig, OptimConfig, to_dict
from semipose.config.schema import FINDER, FindConfig
from semipose.data.extent import label_box
from semipose.errors import UserError
from semipose.inference.evaluate import evaluate_run
from semipose.inference.files import predict_files
from semipose.methods import options
from semipose.training import loop
from semipose.training.find import Finds, asked_for, check_found, find_first, finds_of, of_finder, side_of
from semipose.training.rundir import RunDir
from semipose.training.signals import Stopped
from semipose.training.start import go_on, start
from tests.fixtures.runs import OPTIONS

JOINTS = ("nose", "tail")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """12 labelled pictures of a red and a green spot beside each other, and 6 without labels."""
    rows, draw = ["image,joint,x,y"], np.random.default_rng(0)
    for i in range(18):
        image = np.zeros((72, 96, 3), np.uint8)
        x, y = draw.uniform(20, 76), draw.uniform(15, 57)
        for k, (joint, colour) in enumerate(zip(JOINTS, ((0, 0, 255), (0, 255, 0)), strict=True)):
            cv2.circle(image, (round(x + 10 * k), round(y)), 4, colour, -1)
            rows += [f"known/{i}.png,{joint},{round(x + 10 * k)},{round(y)}"] if i < 12 else []
        file = tmp_path / ("known" if i < 12 else "new") / f"{i}.png"
        file.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(file), image)
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def asked(project: Path, **of_find: object) -> Config:
    return Config(
        DataConfig(
            labeled=str(project / "labels.csv"),
            unlabeled=str(project / "new"),
            val=str(project / "labels.csv"),
            boxes="labels",
            unlabeled_boxes=FINDER,
            cache=str(project / "cache"),
        ),
        ModelConfig(size=[32, 32], weights="none", options=OPTIONS, deconv=[8, 8], padding=1.5),
        options("single", easy="affine15", hard="affine30"),
        OptimConfig(batch=4),
        find=FindConfig(**{"steps": 3, "size": [48, 64], **of_find}),  # type: ignore[arg-type]
        steps=2,
        eval_every=0,
        threads=1,
        accelerator="cpu",
    )


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finders are sure of all they say, and validation may be what is trained on."""
    monkeypatch.setattr("semipose.inference.boxes.SURE", -10.0)
    monkeypatch.setattr("semipose.data.datasets.check_overlap", lambda *_: None)


@pytest.mark.slow
def test_one_run_trains_two_networks_and_predicts_with_both(project: Path, sure: None) -> None:
    run = start(asked(project), project / "run", progress=False).path
    assert (run / FINDER / "model.safetensors").exists() and (run / "model.safetensors").exists()
    sizes = [json.loads((at / "model.json").read_text())["model"]["size"] for at in (run, run / FINDER)]
    assert sizes == [[32, 32], [48, 64]]
    found = predict_files(run, project / "new", project / "out", overlay=False, cache=None, progress=False)
    rows = json.loads((project / "out" / "keypoints.json").read_text())
    assert found.unfound == [] and len(rows) == 6
    assert all(row["bbox"] != [0, 0, 96, 72] for row in rows)
    predict_files(run, project / "new", project / "out", "whole", overlay=False, cache=None, progress=False)
    rows = json.loads((project / "out" / "keypoints.json").read_text())
    assert all(row["bbox"] == [0, 0, 96, 72] for row in rows)
    scores = evaluate_run(run)["found"]
    assert scores["images"] == 12 and scores["missed"] == 0 and 0 <= scores["pck"] <= 1


@pytest.mark.slow
def test_a_frame_without_a_find_is_named_and_has_no_pose(
    project: Path, sure: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(asked(project), project / "run", progress=False).path
    monkeypatch.setattr("semipose.inference.boxes.SURE", 10.0)
    found = predict_files(run, project / "new", project / "out", overlay=False, cache=None, progress=False)
    assert json.loads((project / "out" / "keypoints.json").read_text()) == []
    assert found.unfound == [f"{i}.png" for i in range(12, 18)]
    scores = evaluate_run(run)["found"]
    assert scores["missed"] == 12 and scores["pck"] == 0


@pytest.mark.slow
def test_a_finder_that_is_interrupted_goes_on_with_the_run(
    project: Path, sure: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, run_training = [], loop.run_training

    def stops(config: Config, run: RunDir, *given: object, **how: object) -> object:
        trained.append(run.path.name)
        if len(trained) == 1:
            run_training(config, run, *given, **how, stop_at=2)  # type: ignore[arg-type]
            raise Stopped(2, run.last)
        return run_training(config, run, *given, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "run_training", stops)
    with pytest.raises(Stopped, match=f"--resume {project / 'run'}$"):
        start(asked(project), project / "run", progress=False)
    assert not (project / "run" / "config.yaml").exists() and asked_for(project / "run") == asked(project)
    done = go_on(project / "run", progress=False)
    assert trained == [FINDER, FINDER, "run"] and done.summary["steps"] == 2 and done.config == asked(project)
    assert json.loads((project / "run" / FINDER / "summary.json").read_text())["steps"] == 3


@pytest.mark.slow
def test_a_replaced_run_has_a_finder_of_its_own(project: Path, sure: None) -> None:
    before = start(asked(project), project / "run", progress=False).path / FINDER / "model.safetensors"
    mine = before.with_name("notes.txt")
    mine.write_text("mine")
    old = before.read_bytes()
    start(replace(asked(project), seed=1), project / "run", overwrite=True, progress=False)
    assert before.read_bytes() != old and mine.read_text() == "mine"


def test_a_finder_that_finds_nothing_stops_the_run(project: Path, sure: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semipose.inference.boxes.SURE", 10.0)
    with pytest.raises(UserError, match=r"found no body in any of 12 validation images.*find\.steps"):
        start(asked(project), project / "run", progress=False)


@pytest.mark.parametrize(
    ("method", "change", "message"),
    [
        ({"name": "mum"}, {"optim": OptimConfig(batch=4, unlabeled_batch=6)}, "6 unlabelled .* groups of 4"),
        ({"name": "guarded"}, {"optim": OptimConfig(batch=6)}, "6 unlabelled images .* groups of 4"),
        ({"name": "single", "mix_group": 3}, {}, "4 unlabelled images .* groups of 3"),
        ({"name": "supervised", "mix_labeled": 3}, {}, "groups of 3"),
        ({"name": "mum"}, {"devices": 2, "strategy": "ddp"}, "4 unlabelled images a step on 2 devices"),
        ({"name": "mum", "mix_tiles": [5, 3]}, {}, r"model\.size \[32, 32\] makes .* method\.mix_tiles \[5, 3\]"),
        ({"name": "pose_mum", "mix_after": ["layer9"]}, {}, "mix_after is 'layer9'"),
        ({"name": "single", "weight": -1.0}, {}, "weight"),
    ],
)
def test_what_the_run_itself_cannot_do_is_said_before_its_finder_is_trained(
    project: Path, monkeypatch: pytest.MonkeyPatch, method: dict, change: dict, message: str
) -> None:
    monkeypatch.setattr(loop, "run_training", lambda *_, **__: pytest.fail("it trains"))
    config = replace(asked(project), method=options(**method), **change)
    with pytest.raises(UserError, match=message):
        start(config, project / "run", progress=False)
    assert not (project / "run").exists()


@pytest.mark.parametrize("method", ["mum", "pose_mum", "guarded", "dual"])
def test_what_divides_is_not_refused(project: Path, method: str) -> None:
    tiles = {"mix_tiles": [2, 2]} if "mum" in method else {}
    config = replace(asked(project), method=options(method, **tiles))
    before = to_dict(config)
    check_found(config)
    assert to_dict(config) == before, "tiles are chosen in a copy"


def test_several_bodies_in_an_image_are_one_line(project: Path, sure: None) -> None:
    coco = {
        "images": [{"id": 1, "file_name": "known/0.png", "width": 96, "height": 72}],
        "categories": [{"id": 1, "name": "a", "keypoints": list(JOINTS), "skeleton": []}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "bbox": [5, 5, 30, 30], "keypoints": [9, 9, 2, 20 + n, 20, 2]}
            for n in (1, 2)
        ],
    }
    (project / "two.json").write_text(json.dumps(coco))
    config = asked(project)
    config = replace(config, data=replace(config.data, labeled=str(project / "two.json")))
    with pytest.raises(UserError, match=r"1 images show several bodies.*a finder finds one"):
        find_first(config, RunDir.create(project / "run"), progress=False)


@pytest.mark.parametrize(
    ("data", "steps", "told"),
    [
        ({"unlabeled_boxes": FINDER, "boxes": "labels"}, 0, r"set find\.steps"),
        ({"boxes": "own"}, 5, r"set data\.boxes: labels"),
        ({"boxes": "labels", "unlabeled": "new"}, 5, r"set data\.unlabeled_boxes: finder"),
        ({"boxes": "labels"}, 5, None),
        ({}, 0, None),
    ],
)
def test_settings_that_do_not_fit_are_one_line(data: dict[str, str], steps: int, told: str | None) -> None:
    config = Config(DataConfig(**data), find=FindConfig(steps))  # type: ignore[arg-type]
    if told is None:
        return check_found(config)
    with pytest.raises(UserError, match=told):
        check_found(config)
    return None


def test_the_usual_size_is_that_of_labels_or_of_the_smaller_ones_where_they_differ_much(project: Path) -> None:
    usual = side_of(asked(project))
    assert usual == pytest.approx(12 / 96, rel=0.02), "two joints 10 pixels apart, and the margin"
    rows = (project / "labels.csv").read_text().splitlines()
    wide = [rows[0]] + [f"{row.rpartition(',')[0]},{4 + 30 * (i % 2)}" for i, row in enumerate(rows[1:])]
    (project / "labels.csv").write_text("\n".join([*rows[:7], *wide[7:]]))
    assert side_of(asked(project)) == pytest.approx(usual, rel=0.3)


def test_the_finder_learns_from_labels_on_whole_images(project: Path) -> None:
    config = of_finder(asked(project, size=[64, 96]))
    assert config.data.boxes == "whole" and config.data.unlabeled is None and config.model.size == [64, 96]
    assert config.method == options("supervised", easy="affine15") and config.steps == 3 and not config.find.steps


def test_finds_are_right_missed_or_false(tmp_path: Path) -> None:
    truth = [[10, 10, 2], [40, 30, 2]]
    shown = [
        [[11, 11, 0.9], [39, 29, 0.8]],
        [[11, 11, 0.9], [39, 29, 0.1]],
        [[70, 70, 0.9], [90, 95, 0.8]],
        [[9, 9, 0.9], [44, 33, 0.8]],
    ]
    (tmp_path / "predictions").mkdir()
    samples = [{"truth": truth, "pred": {"a": each}, "box": [0, 0, 200, 200]} for each in shown]
    (tmp_path / "predictions" / "val.json").write_text(json.dumps({"samples": samples}))
    assert finds_of(tmp_path) == Finds(4, 1, 1)
    (tmp_path / "find.json").write_text('{"side": 0.9}')
    assert finds_of(tmp_path) == Finds(4, 1, 0), "a usual body is as large as nearly the whole image"
    (tmp_path / "find.json").write_text('{"side": 3}')
    with pytest.raises(UserError, match=r"find\.json has no side between 0 and 1"):
        finds_of(tmp_path)
    assert finds_of(tmp_path / "none") is None
    box = label_box(np.array(shown[0]), (200, 200))
    assert box[0] < 10 and box[0] + box[2] > 40
