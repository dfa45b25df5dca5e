"""What a browser may ask."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from semipose.browser import server
from semipose.browser.jobs import Job, Jobs
from semipose.errors import UserError
from tests.browser.test_runs import run
from tests.browser.test_stores import POINTS
from tests.fixtures.films import film
from tests.fixtures.projects import csv_text, lightning_pose, picture
from tests.fixtures.served import client, opened

pytest.importorskip("starlette")
BODY = [{"key": "", "points": POINTS.tolist()}]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Jobs that would have been started."""
    found: list[Job] = []

    def start(self: Jobs, job: Job) -> None:
        found.append(job)
        job.state = "running"

    monkeypatch.setattr(Jobs, "_start", start)
    monkeypatch.setattr(Jobs, "_alive", lambda self, job: True)
    return found


def test_the_project_and_its_frames(tmp_path: Path) -> None:
    film(lightning_pose(tmp_path) / "clip.mp4", 4)
    web = client(opened(tmp_path))
    about = web.get("/api/project").json()
    assert [each["name"] for each in about["sources"]] == ["pictures", "clip.mp4"] and about["ready"]
    assert about["labels"][0]["labelled"] == 3 and about["skeleton"]["joints"][0] == "nose"
    assert web.get("/api/frames/0?start=1&count=1").json()["rows"] == [
        {"i": 1, "name": "labeled-data/img001.png", "labelled": True}
    ]
    assert web.get("/api/frames/1").json()["total"] == 4
    assert web.get("/picture/0/0").headers["content-type"] == "image/png"
    assert web.get("/picture/1/3").headers["content-type"] == "image/jpeg"
    assert web.get("/small/0/0").headers["content-type"] == "image/jpeg"
    assert web.get("/api/unlabelled/1/0").json() == {"index": 1}
    assert web.get("/api/unlabelled/0/0").json() == {"index": None}
    for path in ("/api/frames/9", "/picture/0/99", "/api/labels/7/0", "/api/frames/0?start=x"):
        answer = web.get(path)
        assert answer.status_code == 400 and "\n" not in answer.json()["error"]


def test_labels_are_saved_and_a_conflict_is_409(tmp_path: Path) -> None:
    lightning_pose(tmp_path)
    web, other = client(opened(tmp_path)), client(opened(tmp_path))
    version = web.get("/api/labels/0/1").json()["version"]
    name = "labeled-data/img001.png"
    saved = web.put("/api/labels/0/1", json={"bodies": BODY, "version": version, "name": name})
    assert saved.status_code == 200 and saved.json()["bodies"][0]["points"] == POINTS.tolist()
    late = other.put("/api/labels/0/1", json={"bodies": [], "version": version, "name": name})
    assert late.status_code == 409 and late.json()["version"] == saved.json()["version"]
    assert late.json()["bodies"] == saved.json()["bodies"]
    moved = web.put("/api/labels/0/0", json={"bodies": BODY, "version": late.json()["version"], "name": name})
    assert moved.status_code == 200  # the name says which picture, as numbers may be of an earlier server
    assert web.get("/api/labels/0/0").json()["bodies"] != saved.json()["bodies"]
    for bad in (b"", b"[]", b"{", b'{"bodies": [{"key": {}, "points": 3}]}', b"[" * 100000):
        answer = web.put("/api/labels/0/1", content=bad, headers={"content-type": "application/json"})
        assert answer.status_code == 400 and set(answer.json()) == {"error"}
    assert web.get("/api/labels/0/1").json()["version"] == saved.json()["version"]


@pytest.mark.skipif(os.name != "posix", reason="a name that other systems do not have")
def test_a_name_with_a_script_is_text(tmp_path: Path) -> None:
    """Names come as JSON, which a page shows as text; no page has them in it."""
    name = 'labeled-data/"><script>alert(1)</script>.png'.replace("</", "<")
    picture(tmp_path / name)
    (tmp_path / "CollectedData.csv").write_text(csv_text(['"' + name.replace('"', '""') + '"']))
    web = client(opened(tmp_path))
    answer = web.get("/api/frames/0")
    assert answer.headers["content-type"] == "application/json" and answer.json()["rows"][0]["name"] == name
    assert "alert" not in web.get("/").text
    folder = Path(server.STATIC)
    for file in folder.glob("*.js"):
        text = file.read_text()
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "srcdoc",
        ):
            assert word not in text, f"{file.name} has {word}"
    assert "http" not in "".join(file.read_text() for file in folder.glob("*.css"))


def test_a_training_is_started_as_a_job(tmp_path: Path, started: list[Job]) -> None:
    lightning_pose(tmp_path, 6)
    run(tmp_path / "runs" / "old", "1,1,1,0.5,,\n")
    web = client(opened(tmp_path))
    answer = web.post("/api/train", json={"way": "both", "steps": 30, "from": "runs/old", "name": "mine"}).json()
    assert [job["run"] for job in answer["jobs"]] == ["runs/mine", "runs/mine-supervised"]
    assert [job["state"] for job in answer["jobs"]] == ["running", "waiting"] and (tmp_path / "data.yaml").exists()
    words = started[0].words
    assert words[:4] == ["train", "data.yaml", "--out", "runs/mine"] and "--steps=30" in words
    assert f"--init-from={tmp_path / 'runs' / 'old'}" in words and not any("method" in word for word in words)
    rows = web.get("/api/runs").json()
    assert [job["run"] for job in rows["jobs"]] == ["runs/mine-supervised", "runs/mine"] and len(rows["runs"]) == 1
    assert web.post("/api/jobs/2/stop", json={}).json()["state"] == "stopped"
    for bad in (
        {"way": "other"},
        {"steps": 0},
        {"steps": "3; rm"},
        {"steps": True},
        {"from": "../../x"},
        {"name": "../x"},
        {"name": "--out"},
        {"name": "a/b"},
    ):
        assert web.post("/api/train", json=bad).status_code == 400, bad
    assert len(started) == 1


def test_nothing_is_trained_outside(tmp_path: Path, started: list[Job]) -> None:
    root, away = tmp_path / "root", tmp_path / "away"
    lightning_pose(root, 6)
    run(away / "secret")
    (root / "runs").symlink_to(away)
    web = client(opened(root))
    assert web.get("/api/runs").json()["runs"] == []
    answer = web.post("/api/train", json={})
    assert answer.status_code == 400 and "leads out" in answer.json()["error"] and started == []


def test_other_jobs(tmp_path: Path, started: list[Job]) -> None:
    film(lightning_pose(tmp_path, 6) / "clip.mp4", 4)
    run(tmp_path / "runs" / "old", "1,1,1,0.5,,\n", done=False)
    web = client(opened(tmp_path))
    for path, asked in (
        ("audit", {"run": "runs/old"}),
        ("predict", {"run": "runs/old", "source": 1}),
        ("predict", {"run": "runs/old", "source": 0}),
        ("queue", {"run": "runs/old", "count": 2}),
        ("check", {}),
        ("resume", {"run": "runs/old"}),
    ):
        assert web.post(f"/api/{path}", json=asked).status_code == 200, path
        if path != "check":
            assert web.post(f"/api/{path}", json={**asked, "run": "runs/none"}).status_code == 400
    assert web.post("/api/resume", json={"run": "runs/old"}).status_code == 400  # it is at work
    assert web.post("/api/queue", json={"run": "runs/old", "count": 0}).status_code == 400
    assert web.get("/api/jobs/1").json()["kind"] == "audit" and web.get("/api/jobs/99").status_code == 400
    lines = (tmp_path / ".semipose-ui" / "pictures.txt").read_text().splitlines()
    assert len(lines) == 6 and lines[0] == str((tmp_path / "labeled-data" / "img000.png").resolve())
    assert started[0].words[0] == "audit" and len(started) == 1


def test_runs_are_compared_and_a_report_runs_no_script(tmp_path: Path) -> None:
    lightning_pose(tmp_path)
    for name in ("a", "b"):
        run(tmp_path / "runs" / name, "1,1,1,0.5,,\n2,2,0.5,0.6,,\n")
    web = client(opened(tmp_path))
    found = web.get("/api/compare?run=runs/a&run=runs/b").json()
    assert len(found["rows"]) == 2 and found["headline"]
    page = web.get("/page/report?run=runs/a")
    policy = page.headers["content-security-policy"]
    assert (
        page.status_code == 200 and "<title>" in page.text and policy.startswith("sandbox;") and "script" not in policy
    )
    assert not (tmp_path / "runs" / "a" / "report.html").exists()
    assert web.get("/api/curves?run=runs/a").json()["columns"]["val/pck"] == [0.5, 0.6]
    assert web.get("/api/compare?run=runs/../x").status_code == 400 and web.get("/page/check").status_code == 400


def test_the_queue_and_where_a_run_fails(tmp_path: Path) -> None:
    lightning_pose(tmp_path)
    run(tmp_path / "runs" / "a")
    picture(tmp_path / "labeled-data" / "new.png")
    project = opened(tmp_path)
    web = client(project)
    assert web.get("/api/queue").json() == {"run": "", "items": []}
    folder = tmp_path / ".semipose-ui" / "queue" / "1"
    folder.mkdir(parents=True)
    items = [
        {"ref": str(tmp_path / "labeled-data" / name), "file": name, "score": 0.5, "joint": "tail"}
        for name in ("new.png", "img001.png", "gone.png")
    ]
    (folder / "queue.json").write_text(json.dumps({"run": str(tmp_path / "runs/a"), "items": items}))
    queue = web.get("/api/queue").json()
    assert queue["run"] == "runs/a" and [(item["index"], item["done"]) for item in queue["items"]] == [
        (3, False),
        (1, True),
    ]
    found = web.get("/api/worst/0?run=runs/a&by=trouble").json()
    assert found["rows"] == [] and not found["audited"] and not found["tracked"]
    assert web.get("/api/guess/0/1?run=runs/a").json()["size"] == [64, 48]


def test_labels_of_one_s_own_are_begun(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    web = client(opened(tmp_path))
    assert web.get("/api/project").json()["skeleton"] is None
    assert web.post("/api/begin", json={"joints": "<b>"}).status_code == 400
    assert web.post("/api/begin", json={"joints": "nose, left ear; right ear"}).json()["skeleton"]["pairs"] == [[1, 2]]
    assert web.post("/api/refresh", json={}).status_code == 200


def test_a_fault_of_ours_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web = client(opened(lightning_pose(tmp_path)))

    def broken(*_: Any) -> None:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr(server.Api, "overview", broken)
    answer = web.get("/api/project")
    assert answer.status_code == 500 and answer.json() == {"error": "RuntimeError: first second"}


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="cannot be had"):
            server.Server(tmp_path, "127.0.0.1", taken.getsockname()[1], False)
    made = server.Server(tmp_path, "127.0.0.1", 0, False)
    assert made.address.startswith(f"http://127.0.0.1:{made.port}/?secret=") and len(made.secret) >= 32
    assert f"localhost:{made.port}" in made.hosts
    made._socket.close()
    for host in ("0.0.0.0", "127.0.0.1"):
        named = server._names(host)
        assert "localhost" in named and "[::1]" in named and (socket.gethostname() in named) == (host == "0.0.0.0")
    assert server._names("lab.example") == ["lab.example"] and server._names("::1")[0] == "[::1]"
    with pytest.raises(UserError, match="no folder"):
        server.Server(tmp_path / "none", "127.0.0.1", 0, False)
    with pytest.raises(UserError):
        server.Server(tmp_path, "203.0.113.7", 0, False)


def test_a_name_that_is_no_text_is_listed_and_labelled(tmp_path: Path) -> None:
    """As of an archive that was packed elsewhere."""
    name = os.fsdecode(b"caf\xe9.png")
    try:
        picture(tmp_path / "a.png")
        os.rename(tmp_path / "a.png", tmp_path / name)
    except OSError:
        pytest.skip("names are text here")
    picture(tmp_path / "b.png")
    web = client(opened(tmp_path))
    rows = web.get("/api/frames/0").json()["rows"]
    assert sorted(row["name"] for row in rows) == ["b.png", name]
    assert web.get("/api/labels/0/0").status_code == web.get("/api/labels/0/1").status_code == 200
    web.post("/api/begin", json={"joints": "nose"})
    number = next(row["i"] for row in rows if row["name"] == name)
    asked = {"bodies": [{"key": None, "points": [[1, 2, 2]]}], "name": name}
    asked["version"] = web.get(f"/api/labels/0/{number}").json()["version"]
    head = {"content-type": "application/json"}
    answer = web.put(f"/api/labels/0/{number}", content=json.dumps(asked), headers=head)
    assert answer.status_code == 400 and "no UTF-8" in answer.json()["error"]


def test_a_browser_keeps_a_picture_for_as_long_as_it_is_the_same(tmp_path: Path) -> None:
    """Numbers are of one server: the next one of this port may call another picture so."""
    web = client(opened(lightning_pose(tmp_path / "a")))
    first = web.get("/picture/0/0")
    tag = {"if-none-match": first.headers["etag"]}
    assert web.get("/picture/0/0", headers=tag).status_code == 304
    picture(tmp_path / "a" / "labeled-data" / "img000.png", 99)
    again = web.get("/picture/0/0", headers=tag)
    assert again.status_code == 200 and again.content != first.content
    other = client(opened(lightning_pose(tmp_path / "b")))
    for kind in ("picture", "small"):
        answer = other.get(f"/{kind}/0/0", headers=tag)
        assert answer.status_code == 200 and answer.headers["cache-control"] == "private, no-cache"
