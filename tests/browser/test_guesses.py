"""Predictions that are shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semipose.browser.guesses import Guesses, read_tracks
from semipose.browser.library import Library
from semipose.errors import UserError
from tests.fixtures.films import film
from tests.fixtures.projects import picture


@pytest.fixture
def project(tmp_path: Path) -> Guesses:
    """A video of 40 frames whose joint b jumps in frame 20, predicted; frames 3 and 7 audited; a picture queued."""
    film(tmp_path / "clip.mp4", 40, step=5)
    image = picture(tmp_path / "a.png")
    guesses = Guesses(tmp_path / "home", Library(tmp_path))
    lines = ["image,person,joint,x,y,score,error90_px"]
    for n in range(40):
        lines.append(f"clip.mp4#{n},0,a,{n},5,0.9,2.5")
        lines.append(f"clip.mp4#{n},0,b,{n + 10 + (30 if n == 20 else 0)},5,{0.1 if n == 9 else 0.8},")
        lines.append(f"clip.mp4#{n},1,a,0,0,1,")
    tracks = guesses.folder("tracks", "runs/one", 1)
    tracks.mkdir(parents=True)
    (tracks / "keypoints.csv").write_text("\n".join(lines) + "\n")
    audit = guesses.folder("audit", "runs/one")
    audit.mkdir(parents=True)
    rows = [
        {"image": f"video:{tmp_path}/clip.mp4#{n}", "score": s, "trouble": [0.1, 0.9], "keypoints": [[1, 2, 0.5]] * 2}
        for n, s in ((7, 0.8), (3, 0.2))
    ]
    rows.append({"image": str(image), "score": 0.1, "trouble": [0.3, 0.2], "keypoints": [[8, 9, 0.5], [1, 1, 0.1]]})
    (audit / "audit.json").write_text(json.dumps({"sentence": "two", "joints": {"a": {}, "b": {}}, "samples": rows}))
    (audit / "audit.csv").write_text("sample\n")
    return guesses


def test_the_worst_frames_come_first(project: Guesses) -> None:
    by = {how: project.worst("runs/one", 1, how) for how in ("trouble", "jumps", "confidence")}
    assert [(row["index"], row["joint"]) for row in by["trouble"]] == [(7, "b"), (3, "b")]
    assert {row["index"] for row in by["jumps"][:2]} == {20, 21} and by["jumps"][0]["joint"] == "b"
    assert by["confidence"][0]["index"] == 9 and by["confidence"][0]["score"] == 0.9
    assert project.worst("runs/none", 1, "jumps") == [] and project.worst("runs/none", 1, "trouble") == []


def test_a_label_starts_from_what_is_predicted(project: Guesses) -> None:
    guess = project.of(1, 4, ["b", "tail", "a"])
    assert guess == {
        "points": [[14, 5, 0.8], [0, 0, 0], [4, 5, 0.9]],
        "radii": [None, None, 2.5],
        "from": "runs/one",
    }
    assert project.of(0, 0, ["a", "b"])["points"] == [[8, 9, 0.5], [1, 1, 0.1]]  # type: ignore[index]
    assert project.of(1, 400, ["a"]) is None
    queue = project.home / "queue" / "2"
    (queue / "predicted").mkdir(parents=True)
    item = {"ref": project.library.ref(0, 0), "file": "x.png", "score": 0.5, "joint": "a"}
    (queue / "queue.json").write_text(json.dumps({"run": "runs/one", "items": [item]}))
    text = "image,person,joint,x,y,score,error90_px\nx.png,0,a,3,4,0.7,1.5\n"
    (queue / "predicted" / "keypoints.csv").write_text(text)
    assert project.of(0, 0, ["a"]) == {"points": [[3, 4, 0.7]], "radii": [1.5], "from": "queue"}


def test_curves_are_few_and_keep_the_jumps(project: Guesses, monkeypatch: pytest.MonkeyPatch) -> None:
    from semipose.browser import guesses

    monkeypatch.setattr(guesses, "SAMPLED", 8)
    curves = project.curves("runs/one", 1)
    assert curves is not None and len(curves["frames"]) == 8 and {20, 21} & set(curves["frames"])
    assert curves["total"] == 40 and curves["below"][0] == 0 and curves["below"][4] == 1 and curves["below"][-1] == 40
    assert [line["joint"] for line in curves["series"]] == ["a", "b"]
    assert project.curves("runs/one", 0) is None


def test_a_damaged_file_is_a_sentence(project: Guesses) -> None:
    path = project.folder("tracks", "runs/one", 1) / "keypoints.csv"
    for text in ("image,person,joint\na,0,b\n", "\x00\n", "image,person,joint,x,y,score\nclip.mp4#1,0,a,x,y,z\n"):
        path.write_text(text)
        with pytest.raises(UserError):
            read_tracks(path, project.library, 1)


def test_jumps_are_of_neighbours_alone(project: Guesses) -> None:
    tracks = project.tracks("runs/one", 1)
    assert tracks is not None and tracks.at(5) == 5 and tracks.at(99) is None
    kept = np.array([0, 1, 20, 21])
    some = type(tracks)(tracks.joints, tracks.frames[kept], tracks.points[kept], tracks.radii[kept])
    assert some.jumps[2].max() == 0 and some.jumps[3].max() > 1
