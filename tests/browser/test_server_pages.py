"""The pages in a real browser: Playwright's own Chromium, or the system's."""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semipose.data.open import open_labeled
from tests.browser.test_runs import run
from tests.fixtures.films import film
from tests.fixtures.projects import csv_text, lightning_pose, picture, xy
from tests.fixtures.served import process

pytestmark = pytest.mark.slow
WAIT = 30_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser; without one these tests are skipped."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        own, system = (
            Path(playwright.chromium.executable_path),
            shutil.which("chromium") or shutil.which("google-chrome"),
        )
        if not own.exists() and system is None:
            pytest.skip("no Chromium: apt-get install chromium, or playwright install chromium")
        path = None if own.exists() else system
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page that fails the test where a script of it fails or a policy is broken."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    made = context.new_page()
    made.set_default_timeout(WAIT)
    faults: list[str] = []
    made.on("pageerror", lambda error: faults.append(str(error)))
    made.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
    made.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    yield made
    context.close()
    assert faults == []


def enter(page: Any, address: str, part: str = "label/0/0") -> None:
    page.goto(address)
    page.goto(f"{address.partition('?')[0]}#{part}")


def to(page: Any, x: float, y: float) -> tuple[float, float]:
    """Where a point of the frame is on the page."""
    left, top = page.evaluate("([x, y]) => document.getElementById('main').where(x, y)", [x, y])
    return left, top


def loaded(page: Any, name: str) -> None:
    page.wait_for_function("(name) => document.getElementById('frame-name')?.textContent === name", arg=name)
    page.wait_for_function("() => document.getElementById('main').where")


def saved(page: Any) -> None:
    page.wait_for_function("() => document.getElementById('saved')?.textContent === 'Saved'")


def until(met: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.05)


def labels(folder: Path, index: int) -> np.ndarray:
    points = open_labeled(folder)[index].keypoints
    assert points is not None
    return points


def test_joints_are_dragged_and_saved_within_a_second(page: Any, tmp_path: Path) -> None:
    lightning_pose(tmp_path)
    with process(tmp_path) as (_, address):
        enter(page, address, "label/0/1")
        loaded(page, "labeled-data/img001.png")
        page.mouse.move(*to(page, *xy(1, 0)))
        page.mouse.down()
        page.mouse.move(*to(page, 30, 20))
        page.mouse.move(*to(page, 40, 30))
        page.mouse.up()
        began = time.monotonic()
        until(lambda: bool(np.allclose(labels(tmp_path, 1)[0, :2], [40, 30], atol=0.2)))
        assert time.monotonic() - began < 5  # within one second of an idle machine
        saved(page)
        page.keyboard.press("Control+z")
        until(lambda: bool(np.allclose(labels(tmp_path, 1)[0, :2], xy(1, 0))))
        page.keyboard.press("Control+y")
        until(lambda: bool(np.allclose(labels(tmp_path, 1)[0, :2], [40, 30], atol=0.2)))


def test_everything_by_keyboard(page: Any, tmp_path: Path) -> None:
    lightning_pose(tmp_path)
    with process(tmp_path) as (_, address):
        enter(page, address, "label/0/1")
        loaded(page, "labeled-data/img001.png")
        page.keyboard.press("2")
        page.keyboard.press("v")
        until(lambda: labels(tmp_path, 1)[1, 2] == 0)
        page.keyboard.press("j")
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("ArrowDown")
        x, y = xy(1, 2)
        until(lambda: bool(np.allclose(labels(tmp_path, 1)[2, :2], [x + 10, y + 1])))
        page.keyboard.press("o")  # which this format has no mark for
        assert "no mark" in page.locator("#say").inner_text()
        page.keyboard.press("2")
        page.mouse.click(*to(page, 11, 12))
        until(lambda: bool(np.allclose(labels(tmp_path, 1)[1, :2], [11, 12], atol=0.2)))
        page.keyboard.press(".")
        loaded(page, "labeled-data/img002.png")
        page.keyboard.press(",")
        loaded(page, "labeled-data/img001.png")
        page.keyboard.press("+")
        page.keyboard.press("+")
        wide = page.locator(".stage image").bounding_box()["width"]
        page.keyboard.press("0")
        assert page.locator(".stage image").bounding_box()["width"] < wide
        page.keyboard.press("?")
        assert page.locator("dialog.keys").is_visible()


def test_a_reload_in_the_middle_loses_nothing(page: Any, tmp_path: Path) -> None:
    lightning_pose(tmp_path)
    with process(tmp_path) as (_, address):
        enter(page, address, "label/0/1")
        loaded(page, "labeled-data/img001.png")
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        page.reload()  # before the delay of a save is over
        loaded(page, "labeled-data/img001.png")
        until(lambda: bool(np.allclose(labels(tmp_path, 1)[0, 0], xy(1, 0)[0] + 5)))
        saved(page)


def test_two_windows_at_once(page: Any, tmp_path: Path) -> None:
    """What one has changed the other is told, and shows or replaces."""
    lightning_pose(tmp_path)
    with process(tmp_path) as (_, address):
        enter(page, address, "label/0/1")
        loaded(page, "labeled-data/img001.png")
        other = page.context.new_page()
        other.goto(f"{address.partition('?')[0]}#label/0/1")
        loaded(other, "labeled-data/img001.png")
        page.keyboard.press("ArrowRight")
        saved(page)
        until(lambda: bool(np.isclose(labels(tmp_path, 1)[0, 0], xy(1, 0)[0] + 1)))
        other.keyboard.press("ArrowDown")
        other.locator("#theirs").wait_for()
        time.sleep(0.5)
        assert np.allclose(labels(tmp_path, 1)[0, :2], [xy(1, 0)[0] + 1, xy(1, 0)[1]])
        other.locator("#mine").click()
        until(lambda: bool(np.allclose(labels(tmp_path, 1)[0, :2], [xy(1, 0)[0], xy(1, 0)[1] + 1])))
        page.keyboard.press("ArrowRight")
        page.locator("#theirs").click()
        saved(page)
        assert np.allclose(labels(tmp_path, 1)[0, :2], [xy(1, 0)[0], xy(1, 0)[1] + 1])


def test_the_server_is_killed_while_labelling(page: Any, tmp_path: Path) -> None:
    lightning_pose(tmp_path)
    with process(tmp_path) as (child, address):
        port = int(re.findall(r":(\d+)/", address)[0])
        enter(page, address, "label/0/1")
        loaded(page, "labeled-data/img001.png")
        child.send_signal(signal.SIGKILL)
        child.wait()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => document.getElementById('saved').textContent.startsWith('Not saved')")
        page.keyboard.press("ArrowDown")
        time.sleep(0.5)
    assert np.allclose(labels(tmp_path, 1)[0, :2], xy(1, 0))
    with process(tmp_path, port) as (_, address):
        enter(page, address, "project")
        until(lambda: bool(np.allclose(labels(tmp_path, 1)[0, :2], [xy(1, 0)[0] + 1, xy(1, 0)[1] + 1])))


def test_a_video_alone_is_labelled(page: Any, tmp_path: Path) -> None:
    film(tmp_path / "clip.mp4", 12)
    with process(tmp_path) as (_, address):
        enter(page, address, "project")
        page.locator("#joints").fill("square, left corner, right corner")
        page.locator("#start").click()
        loaded(page, "clip · 0")
        page.mouse.click(*to(page, 20, 30))
        page.mouse.click(*to(page, 40, 30))
        saved(page)
        page.keyboard.press("o")
        saved(page)
        page.keyboard.press("b")
        page.mouse.click(*to(page, 60, 40))
        saved(page)
        until(lambda: len(open_labeled(tmp_path / "labels.json")) == 2)
        first, second = (sample.keypoints for sample in open_labeled(tmp_path / "labels.json"))
        np.testing.assert_allclose(first[:2, :2], [[20, 30], [40, 30]], atol=0.3)
        assert first[2, 2] == 0 and second[0, 2] == 2 and (first[:, 2] == [2, 2, 0]).all()


def test_a_name_with_a_script_is_shown_as_text(page: Any, tmp_path: Path) -> None:
    """A dialog of it would fail the page."""
    name = "labeled-data/<img src=x onerror=alert(1)><script>alert(2)<script>.png"
    picture(tmp_path / name)
    (tmp_path / "CollectedData.csv").write_text(csv_text([name], joints=("<b>nose<b>", "tail")))
    with process(tmp_path) as (_, address):
        enter(page, address)
        loaded(page, name)
        assert "<b>nose<b>" in page.locator("#joint-0").inner_text()
        page.locator(".frame").first.wait_for()
        enter(page, address, "project")
        page.locator("#check").wait_for()
        assert page.locator("main b b").count() == 0 and page.locator("main img[src=x]").count() == 0


def predicted(folder: Path) -> Path:
    """A project with a video, a run, what it predicts in the video's frames, and a queue of one frame."""
    film(lightning_pose(folder) / "clip.mp4", 12)
    run(folder / "runs" / "first", "1,1,1,0.5,,\n2,2,0.5,0.6,,\n")
    run(folder / "runs" / "second", "1,1,1,0.6,,\n2,2,0.4,0.7,,\n")
    for name in ("first", "second"):
        (folder / "runs" / name / "model.safetensors").touch()
    home = folder / ".semipose-ui"
    rows = ["image,person,joint,x,y,score,error90_px"]
    for n in range(12):
        for k, joint in enumerate(("nose", "left_ear", "right_ear", "tail")):
            rows.append(f"clip.mp4#{n},0,{joint},{10 + 5 * k + (30 if n == 6 and k == 3 else 0)},{20 + k},0.9,2")
    for where in ("tracks/runs+first/1", "queue/1/predicted"):
        (home / where).mkdir(parents=True)
    (home / "tracks/runs+first/1/keypoints.csv").write_text("\n".join(rows) + "\n")
    text = "\n".join(rows[:1] + [row.replace("clip.mp4#4", "x.png") for row in rows if "#4," in row]) + "\n"
    (home / "queue/1/predicted/keypoints.csv").write_text(text)
    item = {"ref": f"video:{folder.resolve()}/clip.mp4#4", "file": "x.png", "score": 0.5, "joint": "tail"}
    (home / "queue/1/queue.json").write_text(json.dumps({"run": "runs/first", "items": [item]}))
    return folder


def test_a_jump_is_clicked_and_corrected(page: Any, tmp_path: Path) -> None:
    predicted(tmp_path)
    with process(tmp_path) as (_, address):
        enter(page, address, "look")
        page.locator("#look-run").select_option("runs/first")
        page.locator("#look-by").select_option("jumps")
        row = page.locator(".frames.worst .frame").first
        row.wait_for()
        assert "tail" in row.inner_text()
        page.wait_for_function("() => document.querySelectorAll('figure.chart').length === 4")
        page.locator("#threshold").fill("0.95")
        assert "12 of 12 frames" in page.locator("#below").inner_text()
        box = page.locator("figure.chart svg").last.bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.5)
        page.wait_for_function("() => /frame [567]/.test(document.querySelector('.looking h2').textContent)")
        page.locator("#correct").click()
        page.wait_for_function("() => document.getElementById('frame-name')?.textContent.startsWith('clip')")
        page.locator("#take").click()
        saved(page)
        until(lambda: len(open_labeled(tmp_path)) == 4)


def test_the_queue_is_accepted(page: Any, tmp_path: Path) -> None:
    predicted(tmp_path)
    with process(tmp_path) as (_, address):
        enter(page, address, "next")
        loaded(page, "clip · 4")
        page.keyboard.press("Enter")
        until(lambda: len(open_labeled(tmp_path)) == 4)
        points = labels(tmp_path, 3)
        np.testing.assert_allclose(points, [[10 + 5 * k, 20 + k, 2] for k in range(4)])
        page.wait_for_function("() => document.getElementById('queue-left').textContent === '1 of 1 done'")


def test_predictions_of_several_bodies_are_taken(page: Any, tmp_path: Path) -> None:
    """A labelled body gets its own, what is over becomes a new one; what was said to be missing stays so; a body that
    is removed comes back."""
    picture(tmp_path / "images" / "a.png")
    points = [[10, 10, 2], [20, 10, 2], [0, 0, 0], [30, 20, 2]]
    rows = [
        {
            "id": 5,
            "image_id": 1,
            "category_id": 1,
            "keypoints": [v for each in points for v in each],
            "iscrowd": 0,
            "num_keypoints": 3,
        }
    ]
    joints = ["nose", "left_ear", "right_ear", "tail"]
    document = {
        "images": [{"id": 1, "file_name": "images/a.png", "width": 64, "height": 48}],
        "annotations": rows,
        "categories": [{"id": 1, "name": "mouse", "keypoints": joints, "skeleton": []}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(document))
    folder = tmp_path / ".semipose-ui" / "tracks" / "runs+a" / "0"
    folder.mkdir(parents=True)
    lines = ["image,person,joint,x,y,score,error90_px"]
    for person, x in enumerate((41, 11)):
        lines += [f"{tmp_path}/images/a.png,{person},{j},{x + 3 * k},{11 + k},0.9,2" for k, j in enumerate(joints)]
    (folder / "keypoints.csv").write_text("\n".join(lines) + "\n")

    def bodies() -> list[Any]:
        return [
            sample.keypoints.tolist()
            for sample in open_labeled(tmp_path / "labels.json")
            if sample.keypoints is not None
        ]

    with process(tmp_path) as (_, address):
        enter(page, address, "label/0/0")
        loaded(page, "images/a.png")
        assert page.locator(".guess path").count() == 8 and page.locator(".guess .bar").count() == 8
        page.keyboard.press("2")
        page.keyboard.press("v")
        page.keyboard.press("p")
        saved(page)
        new = [[41 + 3 * k, 11 + k, 2] for k in range(4)]
        until(lambda: bodies() == [[[10, 10, 2], [0, 0, 0], [17, 13, 2], [30, 20, 2]], new])
        page.keyboard.press("Tab")
        page.keyboard.press("Delete")
        until(lambda: len(bodies()) == 1)
        saved(page)
        page.keyboard.press("Control+z")
        until(lambda: len(bodies()) == 2 and bodies()[1] == new)
        saved(page)
        page.keyboard.press("Tab")
        page.keyboard.press("4")
        page.keyboard.press("ArrowRight")
        until(lambda: bodies()[1][3] == [51, 14, 2])


def test_runs_are_compared(page: Any, tmp_path: Path) -> None:
    predicted(tmp_path)
    with process(tmp_path) as (_, address):
        enter(page, address, "compare")
        page.locator("iframe.page").wait_for()
        assert page.locator("tbody tr").count() == 2
        frame = page.frame_locator("iframe.page")
        frame.locator("h1").first.wait_for()
        assert page.locator("iframe.page").get_attribute("sandbox") == ""


def test_a_training_goes_on_when_page_and_server_are_closed(page: Any, tmp_path: Path) -> None:
    """Stopped by a later server, and gone on with. What it has come to in a frame without labels is shown, then and
    later."""
    picture(lightning_pose(tmp_path, 6) / "labeled-data" / "new.png", 7)
    lightning_pose(tmp_path / "held", 2)
    (tmp_path / "data.yaml").write_text(
        "data: {labeled: CollectedData.csv, val: held/CollectedData.csv}\n"
        "model: {backbone: resnet18, weights: none, size: [32, 32], deconv: [8, 8, 8],"
        " options: {layers: [1, 1, 1, 1], channels: [8, 8, 16, 16], output_stride: 16}}\n"
        "method: {name: supervised}\noptim: {batch: 2}\n"
        "steps: 100000\nlog_every: 5\neval_every: 100000\nsave_every: 100\n"
    )
    log = tmp_path / "runs" / "mine" / "metrics.csv"
    with process(tmp_path) as (_, address):
        enter(page, address, "train")
        page.locator("#name-run").fill("mine")
        page.locator("#start-training").click()
        page.locator(".job").wait_for()
        until(log.exists, 120)
        page.wait_for_function("() => /Step [\\d,]+ of 100,000/.test(document.querySelector('.job p').textContent)")
        page.locator("figure.chart").first.wait_for()
        page.locator(".preview-row svg.preview .spot").first.wait_for(timeout=300_000)
        assert page.locator(".preview-row svg.preview .spot").count() == 12  # of it and those for validation
        page.goto("about:blank")
    size = log.stat().st_size
    until(lambda: log.stat().st_size > size, 60)
    with process(tmp_path) as (_, address):
        enter(page, address, "train")
        page.locator(".preview-row svg.preview").first.wait_for()
        page.locator("button.stop").click()
        page.get_by_role("button", name="Resume").wait_for(timeout=60_000)
        assert (tmp_path / "runs" / "mine" / "checkpoints" / "last.ckpt").exists()
        size = log.stat().st_size
        page.get_by_role("button", name="Resume").click()
        until(lambda: log.stat().st_size > size, 120)
        page.locator("button.stop").click()
        page.get_by_role("button", name="Resume").wait_for(timeout=60_000)


def test_a_project_is_checked(page: Any, tmp_path: Path) -> None:
    lightning_pose(tmp_path, 4)
    with process(tmp_path) as (_, address):
        enter(page, address, "project")
        page.locator("dd b").first.wait_for()
        assert "CollectedData.csv Lightning Pose, 4 labelled" in page.locator("main").inner_text()
        page.locator("#check").click()
        page.get_by_role("link", name="Pictures and first aid").wait_for(timeout=120_000)
        assert page.locator(".aid li").count() > 0
        assert (tmp_path / "data.yaml").exists() and "for validation" in page.locator("main").inner_text()
        page.get_by_role("link", name="Pictures and first aid").click()
        page.frame_locator("iframe.page").locator("h1").first.wait_for()


def test_a_collapse_is_told_and_two_runs_share_their_charts(page: Any, tmp_path: Path) -> None:
    lightning_pose(tmp_path)
    run(tmp_path / "runs" / "run-supervised", "1,1,1,0.5,,\n2,2,0.5,0.6,,\n")
    rows = "".join(f"{n},{n},0.1,,1,{1 if n < 8 else 0.001}\n" for n in range(1, 40))
    run(tmp_path / "runs" / "run", rows + "40,40,0.1,0.4,1,0.001\n", done=False)
    with process(tmp_path) as (_, address):
        enter(page, address, "train")
        page.locator("figure.chart").first.wait_for()
        assert (
            page.locator("tr", has_text="stopped").count() + page.locator("td.alarm", has_text="collapse").count() == 1
        )
        assert page.locator("td.alarm").inner_text() == "collapse"
        for title in ("Score on validation (PCK)", "Loss: labels"):
            legend = page.locator("figure.chart", has_text=title).locator(".legend li")
            assert sorted(legend.all_inner_texts()) == ["run", "run-supervised"]


def test_a_path_that_leads_up_is_refused(page: Any, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    root = tmp_path / "project"
    picture(lightning_pose(root) / "labeled-data" / "a..b.png", 5)
    with process(root) as (_, address):
        enter(page, address, "label/0/0")
        loaded(page, "labeled-data/a..b.png")
        for path in (
            "/static/../../server.py",
            "/static/..%2fserver.py",
            "/static/%2e%2e/%2e%2e/errors.py",
            "/preview/..%2f..%2fsecret.png",
            "/picture/0/..%2fsecret.png",
            "/../secret.png",
            "/api/curves?run=../..",
            "/page/report?run=runs/../..",
        ):
            status, text = page.evaluate(
                "async (p) => { const a = await fetch(p); return [a.status, await a.text()] }", path
            )
            assert status in (400, 404) and "import" not in text and text != "secret", path
        page.goto(f"{address.partition('?')[0]}#label/0/..%2f..")
        page.locator(".alarm").first.wait_for()


NAMELESS = """() => [...document.querySelectorAll('button, select, input, textarea, iframe, [role=listbox]')]
    .filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label') || e.title || e.labels?.length))
    .map((e) => e.outerHTML)"""


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_every_part_fits_the_screen(page: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    """Nothing is wider than the page, every control has a name."""
    predicted(tmp_path)
    with process(tmp_path) as (_, address):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for part in ("project", "label/0/1", "label/1/6", "train", "look", "next", "compare"):
            enter(page, address, part)
            page.wait_for_function("() => !document.querySelector('.wait')")
            page.wait_for_timeout(500)
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], part
            assert page.evaluate("document.getElementById('main').scrollWidth") <= size[0], part
            assert page.evaluate(NAMELESS) == [], part
