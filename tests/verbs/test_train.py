"""A run from Python, in the words of the shell."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

import semipose
from semipose.cli import main
from semipose.config import DataConfig, to_dict
from semipose.data.open import open_labeled
from semipose.data.split import Split, make_split
from semipose.errors import UsageError, UserError
from semipose.reports.compare import guard_sentence
from semipose.verbs.train import _print
from tests.fixtures.films import dot, film
from tests.fixtures.projects import picture
from tests.fixtures.runs import OPTIONS, tiny

PEOPLE = {"labeled": "synth:studio?count=6", "val": "synth:studio?count=3&start=500"}


def test_python_and_the_shell_resolve_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(PEOPLE))
    given = [str(tmp_path / "data.yaml"), "--recipe", "single", "--stop-on-collapse"]
    words = [*given, "--optim.lr=3e-4", "--steps", "20", "--data.reach=45"]
    assert main(["train", *words, "--print-config"]) == 0
    shell = yaml.safe_load(capsys.readouterr().out)
    settings = {"optim": {"lr": 3e-4}, "steps": 20, "data.reach": 45}
    how = {"recipe": "single", "stop_on_collapse": True, "print_config": True}
    run = semipose.train(tmp_path / "data.yaml", **how, **settings)  # type: ignore[arg-type]
    assert to_dict(run.config) == shell and run.path == Path("runs/single") and not run.summary
    assert shell["data"]["reach"] == 45 and shell["data"]["labeled"] == PEOPLE["labeled"] and shell["stop_on_collapse"]
    assert not (tmp_path / "runs").exists()


def test_auto_where_no_file_has_settings_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "data.yaml"
    for content, method in (({"data": PEOPLE, "method": {"name": "mum"}}, "mum"), (PEOPLE, "guarded")):
        file.write_text(yaml.safe_dump(content))
        assert semipose.train(file, print_config=True).config.method.name == method
    assert semipose.train(PEOPLE, print_config=True).config.data.val == PEOPLE["val"]
    assert semipose.train(config=tiny(tmp_path, "single"), print_config=True).config.method.name == "single"
    file.write_text(yaml.safe_dump({"data": PEOPLE, "method": {"name": "mum"}, "steps": 7}))
    named = semipose.train(file, recipe="single", print_config=True).config
    assert (named.method.name, named.steps) == ("single", 7)


def test_a_run_and_its_resumption(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny(tmp_path / "cache", "supervised", steps=2, eval_every=0)
    run = semipose.train(config=config, out=tmp_path / "run", progress=False)
    assert run.summary["steps"] == 2 and (run.path / "report.html").exists() and run.config == config
    assert not capsys.readouterr().out
    again = semipose.train(resume=run.path, accelerator="auto", workers=0, progress=False)
    assert again.path == run.path and again.summary["steps"] == 2
    for strict in ({"precision": "bf16-mixed"}, {"seed": 5}):
        with pytest.raises(UserError, match=f"cannot be resumed exactly: {next(iter(strict))}"):
            semipose.train(resume=run.path, progress=False, **strict)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="takes no --recipe, --overwrite"):
        semipose.train(resume=run.path, recipe="dual", overwrite=True)


@pytest.mark.parametrize(("kept", "how"), [("taught", "with unlabelled images"), ("labels", "with labels alone")])
def test_the_run_says_which_network_it_kept(kept: str, how: str) -> None:
    guard = {"kept": kept, "taught": 0.8 if kept == "taught" else 0.7, "labels": 0.75, "images": 40}
    text = guard_sentence(guard)
    assert how in text and "40 validation samples" in text
    assert ("80.0 % beside 75.0 %" if kept == "taught" else "75.0 % beside 70.0 %") in text


@pytest.mark.slow
def test_a_bare_folder_of_a_video_and_clicks_trains_and_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semipose.training.find.THRESHOLDS", (0.0,))
    monkeypatch.setattr("semipose.training.find.ON", 0.0)
    folder = tmp_path / "my project"
    folder.mkdir()
    film(folder / "clip.mp4", 15)
    rows = ["image,joint,x,y"]
    for n in range(0, 15, 2):
        x, y = dot(n)
        rows += [f"clip.mp4#{n},{joint},{x + off},{y}" for joint, off in (("left", -3), ("right", 3))]
    (folder / "clicks.csv").write_text("\n".join(rows))
    words = ["--steps=2", "--find.steps=3", "--find.size=[32, 48]", "--model.size=[32, 32]"]
    words += [
        "--model.deconv=[8, 8, 8, 8]",
        "--model.weights=none",
        f"--model.options={yaml.safe_dump(OPTIONS, default_flow_style=True).strip()}",
    ]
    words += ["--model.backbone=resnet50", "--optim.batch=4", "--optim.unlabeled_batch=4", "--eval_every=0"]
    words += ["--method.mix_tiles=[2, 2]", f"--data.cache={tmp_path / 'cache'}", "--accelerator=cpu", "--threads=1"]
    assert main(["init", str(folder)]) == 0
    assert main(["train", str(folder), "--out", str(tmp_path / "run"), *words]) == 0
    assert (tmp_path / "run" / "finder" / "find.json").exists() and (tmp_path / "run" / "report.html").exists()
    how = ["--device", "cpu", "--no-overlay", "--formats", "coco", "smoothed", "--out", str(tmp_path / "out")]
    assert main(["predict", str(tmp_path / "run"), str(folder / "clip.mp4"), *how]) == 0
    assert len((tmp_path / "out" / "keypoints_smoothed.csv").read_text().splitlines()) == 1 + 15 * 2


@pytest.mark.parametrize(("pck", "said"), [(0.5, "PCK 50.0 % on"), (None, "median error 3.25 pixels on")])
def test_bodies_of_one_joint_have_an_error_in_pixels(
    pck: float | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    val = {"mean": {"pck": pck, "median_error_px": 3.25}}
    run = SimpleNamespace(path=tmp_path, summary={"val": val, "val_images": 12})
    _print(run, SimpleNamespace(print_config=False))  # type: ignore[arg-type]
    assert f"{said} 12 validation samples; wrote" in capsys.readouterr().out


def test_boxes_that_are_not_in_their_images_are_refused_where_they_teach_or_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def source(name: str, seed: int, wrong: bool) -> str:
        images = [picture(tmp_path / name / f"{n}.png", seed + n) for n in range(8)]
        document = {
            "images": [{"id": n, "file_name": image.name, "width": 64, "height": 48} for n, image in enumerate(images)],
            "annotations": [
                {"id": n, "image_id": n, "category_id": 1, "keypoints": [20 + n, 20, 2, 35, 25 + n, 2, 0, 0, 0]}
                | {"bbox": [900, 20, 10, 10] if wrong and n == 3 else [10, 10, 35, 30], "num_keypoints": 2}
                for n in range(8)
            ],
            "categories": [{"id": 1, "name": "mouse", "keypoints": ["nose", "tail", "paw"]}],
        }
        (tmp_path / name / "labels.json").write_text(json.dumps(document))
        return str(tmp_path / name / "labels.json")

    good, other, bad = source("good", 0, False), source("other", 50, False), source("bad", 100, True)
    config = tiny(tmp_path / "cache", "single", steps=2, eval_every=0)

    def train(**data: str | None) -> None:
        named = {"labeled": good, "unlabeled": other, **data}
        whole = replace(config, data=DataConfig(**named, cache=config.data.cache))  # type: ignore[arg-type]
        semipose.train(config=whole, out=tmp_path / "run", overwrite=True, progress=False)

    said = "boxes lie outside their image or are far larger, first that of 3.png"
    for use in ("labeled", "val"):
        with pytest.raises(UserError, match=said + ".*; mend or remove them, or set data.boxes=labels"):
            train(**{use: bad})
    capsys.readouterr()
    data = open_labeled(bad)
    ids = list(data.samples.ids)
    whole = make_split(data, 7, 1, unlabeled=0, seed=0).data
    Split(whole, (*ids[:3], *ids[4:7]), (ids[3],), (ids[7],), 0, "random").save(tmp_path / "split.json")
    train(labeled=bad, unlabeled=None, split=str(tmp_path / "split.json"))
    said_now = capsys.readouterr().err
    assert said in said_now and "they teach nothing" in said_now and "never labelled, so not learnt: paw" in said_now
    with pytest.warns(UserWarning, match="what is there counts as missed"):
        semipose.evaluate(tmp_path / "run", data=bad)
