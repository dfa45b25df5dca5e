"""The runs of a project."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from semipose.browser import runs
from semipose.browser.jobs import RUNNING, Job
from semipose.data.split import Split
from tests.fixtures.projects import csv_text, lightning_pose, picture

HEAD = "step,seconds,loss/labels,val/pck,response/labeled,response/student\n"


def run(folder: Path, rows: str = "", done: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / ".semipose").touch()
    config = {"steps": 100, "method": {"name": "dual"}, "data": {}, "model": {}, "optim": {}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "metrics.csv").write_text(HEAD + rows)
    if done:
        (folder / "summary.json").write_text(json.dumps({"method": "dual", "labels": 20, "seconds": 9, "warnings": []}))
    return folder


def test_runs_are_found_and_what_is_none_is_not(tmp_path: Path) -> None:
    run(tmp_path / "runs" / "a")
    run(tmp_path / "b")
    (tmp_path / "runs" / "c").mkdir()
    (tmp_path / "runs" / "d").symlink_to(tmp_path / "b")
    assert set(runs.find_runs(tmp_path)) == {"runs/a", "b"}


def test_how_far_a_run_is(tmp_path: Path) -> None:
    rows = "10,1,0.5,,,\n20,3,0.25,0.5,,\n30,5,0.2,,,\n"
    path = run(tmp_path / "runs" / "a", rows, done=False)
    (path / "checkpoints").mkdir()
    (path / "checkpoints" / "last.ckpt").touch()
    job = Job(1, "train", [], "runs/a", state=RUNNING)
    row = runs.row("runs/a", path, job)
    assert (row["state"], row["step"], row["steps"], row["left"]) == ("running", 30, 100, 14.0)
    assert row["pck"] == 0.5 and row["method"] == "dual" and not row["resumable"] and row["alarm"] == ""
    stopped = runs.row("runs/a", path, None)
    assert stopped["state"] == "stopped" and stopped["resumable"] and stopped["left"] is None
    assert runs.row("x", run(tmp_path / "x"), None)["state"] == "done"


def test_the_collapse_alarm(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n},0.1,,{min(0.9, 0.1 * n)},{0.5 if n < 9 else 0.01}\n" for n in range(40))
    path = run(tmp_path / "runs" / "a", rows, done=False)
    assert "collapsing" in runs.row("runs/a", path, None)["alarm"]
    summary = {"method": "dual", "warnings": ["step 9: the model is collapsing: ..."]}
    (path / "summary.json").write_text(json.dumps(summary))
    assert "step 9" in runs.row("runs/a", path, None)["alarm"]


def test_curves_are_few_and_blank_cells_stay_blank(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n},0.5,{'0.25' if n % 10 == 0 else ''},,\n" for n in range(1, 1001))
    columns = runs.curves(run(tmp_path / "a", rows))
    assert len(columns["step"]) <= runs.SAMPLED and columns["step"][-1] == 1000 and columns["loss/labels"][-1] == 0.5
    assert None in columns["response/labeled"] and columns["val/pck"][-1] == 0.25
    (tmp_path / "a" / "metrics.csv").unlink()
    assert runs.curves(tmp_path / "a") == {}


def test_new_labels_are_learnt_from_and_validation_stays(tmp_path: Path) -> None:
    lightning_pose(tmp_path, 10)
    file, lines = runs.prepare(tmp_path)
    assert file == tmp_path / "data.yaml" and lines and runs.data_file(tmp_path) == file
    split = Split.load(tmp_path / "split.json")
    assert runs.prepare(tmp_path) == (file, [])
    names = [f"labeled-data/img{i:03d}.png" for i in range(12)]
    for i in (10, 11):
        picture(tmp_path / names[i], i)
    text = csv_text([*names[1:10], *names[10:]])  # the first is gone
    (tmp_path / "CollectedData.csv").write_text(text)
    _, lines = runs.prepare(tmp_path)
    again = Split.load(tmp_path / "split.json")
    assert "2 new labels" in lines[0] and again.val == split.val
    assert set(again.labeled) == set(split.labeled) - {names[0]} | set(names[10:])


def test_new_labels_of_what_is_kept_for_validation_are_not_learnt_from(tmp_path: Path) -> None:
    """A frame between those that validate would raise the score and teach nothing."""
    names = [f"labeled-data/{video}/img{n:03d}.png" for video in "abcde" for n in range(4)]
    for n, name in enumerate(names):
        picture(tmp_path / name, n)
    (tmp_path / "CollectedData.csv").write_text(csv_text(names))
    runs.prepare(tmp_path)
    split = Split.load(tmp_path / "split.json")
    held = {Path(name).parent.name for name in split.val}
    assert held and not held & {Path(name).parent.name for name in split.labeled}
    more = [f"labeled-data/{min(held)}/img900.png", f"labeled-data/{min({*'abcde'} - held)}/img900.png"]
    for name in more:
        picture(tmp_path / name)
    (tmp_path / "CollectedData.csv").write_text(csv_text([*names, *more]))
    _, lines = runs.prepare(tmp_path)
    assert lines[0].startswith("1 new labels are learnt from; 1 new ones of what is kept for validation are not")
    again = Split.load(tmp_path / "split.json")
    assert set(again.labeled) - set(split.labeled) == {more[1]} and again.val == split.val
