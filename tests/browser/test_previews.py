"""The same few unlabelled frames, as trainings get better."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semipose.browser import previews
from semipose.browser.preview import FRAMES, TOLD, key_of, weights_of
from semipose.browser.previews import Previews
from semipose.browser.stores import Body
from semipose.errors import UserError
from tests.browser.test_runs import run
from tests.browser.test_stores import POINTS
from tests.fixtures.films import film
from tests.fixtures.projects import lightning_pose, picture
from tests.fixtures.served import client, opened


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, Path, str]]:
    """What would have been drawn."""
    found: list[tuple[Path, Path, str]] = []
    monkeypatch.setattr(Previews, "_ask", lambda self, *asked: found.append(asked))
    return found


def going(folder: Path) -> Path:
    path = run(folder / "runs" / "a", "1,1,1,0.5,,\n", done=False)
    (path / "checkpoints").mkdir()
    (path / "checkpoints" / "last.ckpt").write_bytes(b"1")
    return path


def drawn(folder: Path, refs: list[str], step: int) -> None:
    content = {"step": step, "joints": ["nose"], "frames": {key_of(r): {"size": [4, 3], "bodies": []} for r in refs}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{step:09d}.json").write_text(json.dumps(content))


def test_the_frames_are_unlabelled_spread_and_stay_the_same(tmp_path: Path, started: list[Any]) -> None:
    lightning_pose(tmp_path)
    for n in range(20):
        picture(tmp_path / "labeled-data" / f"new{n:02d}.png", n)
    film(tmp_path / "clip.mp4", 12)
    project = opened(tmp_path)
    found = Previews(project).look({})
    names = [frame["name"] for frame in found["frames"]]
    pictures, frames = (
        [each.format(n) for n in at]
        for each, at in (("labeled-data/new{:02d}.png", (3, 10, 16)), ("clip · {}", (2, 6, 10)))
    )
    assert names == [name for pair in zip(pictures, frames, strict=True) for name in pair]
    assert Previews(opened(tmp_path)).look({})["frames"] == found["frames"] and started == []
    labelled = found["frames"][0]
    shown = project.labels(labelled["source"], labelled["index"])
    project.save(labelled["source"], labelled["index"], [Body.of(POINTS, "")], shown["version"])
    after = [frame["name"] for frame in Previews(project).look({})["frames"]]
    assert after[:5] == names[1:] and len(after) == 6 and after[5] not in names


def test_what_is_newer_than_what_was_drawn_is_drawn_once(tmp_path: Path, started: list[Any]) -> None:
    lightning_pose(tmp_path)
    refs = [str(picture(tmp_path / "labeled-data" / "new.png", 9).resolve())]
    path, shown = going(tmp_path), Previews(opened(tmp_path))
    for _ in range(3):
        shown.look({"runs/a": path})
    assert [(one[0], one[1].name) for one in started] == [(path, "runs+a")]
    out = started[0][1]
    drawn(out, refs, 20)
    (out / TOLD).write_text(json.dumps({"stamp": started[0][2], "line": ""}))
    again = Previews(opened(tmp_path))
    assert [each["step"] for each in again.look({"runs/a": path})["runs"][0]["steps"]] == [20] and len(started) == 1
    weights_of(path).write_bytes(b"another")
    again.look({"runs/a": path})
    assert len(started) == 2
    (path / "summary.json").write_text("{}")
    assert weights_of(path).name == "model.safetensors"
    again.look({"runs/a": path})  # which has no model yet
    assert len(started) == 2


def test_the_steps_of_a_run_are_shown_as_far_as_they_are_whole(
    tmp_path: Path, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lightning_pose(tmp_path)
    refs = [str(picture(tmp_path / "labeled-data" / "new.png", 9).resolve())]
    path, shown = going(tmp_path), Previews(opened(tmp_path))
    out = shown.folder / "runs+a"
    for step in range(10, 60, 10):
        drawn(out, [*refs, "/another"], step)
    (out / "000000099.json").write_text('{"step": 99, "joi')
    (out / TOLD).write_text(json.dumps({"stamp": "", "line": "it is damaged"}))
    (row,) = shown.look({"runs/a": path})["runs"]
    assert [each["step"] for each in row["steps"]] == [10, 20, 30, 40, 50] and row["line"] == "it is damaged"
    assert all(list(each["frames"]) == [key_of(refs[0])] for each in row["steps"])
    monkeypatch.setattr(previews, "SHOWN", 3)
    assert [each["step"] for each in shown.look({"runs/a": path})["runs"][0]["steps"]] == [20, 40]


def test_a_browser_asks_for_them(tmp_path: Path, started: list[Any]) -> None:
    lightning_pose(tmp_path)
    ref = str(picture(tmp_path / "labeled-data" / "new.png", 9).resolve())
    going(tmp_path)
    project = opened(tmp_path)
    web = client(project)
    found = web.post("/api/previews", json={"runs": ["runs/a", "runs/none", 3]}).json()
    assert [row["name"] for row in found["runs"]] == ["runs/a"] and found["frames"][0]["key"] == key_of(ref)
    assert web.post("/api/previews", json={"runs": "runs/a"}).status_code == 400 and len(started) == 1
    folder = project.home / "previews"
    assert json.loads((folder / FRAMES).read_text()) == [ref]
    assert "not drawn yet" in web.get(f"/preview/{key_of(ref)}").json()["error"]
    (folder / f"{key_of(ref)}.jpg").write_bytes(b"\xff\xd8")
    (folder / "other.jpg").write_bytes(b"\xff\xd8")
    assert web.get(f"/preview/{key_of(ref)}").headers["content-type"] == "image/jpeg"
    for key in ("other", "..%2fother", "%2e%2e"):
        assert web.get(f"/preview/{key}").status_code in (400, 404)
    with pytest.raises(UserError):
        Previews(project).picture("../labels")
