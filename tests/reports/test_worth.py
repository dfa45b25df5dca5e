from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from semipose.metrics.seeds import Labels
from semipose.reports.worth import charts, curve_rows, joint_rows, markdown, method_rows, more_labels, page, sentence
from tests.fixtures.pages import read

NBSP = "\N{NO-BREAK SPACE}"


def estimate(mean: float, spread: float | None = None, half: float = 0.0) -> dict[str, float | None]:
    ends = (None, None) if spread is None else (mean - half, mean + half)
    return dict(zip(("mean", "spread", "low", "high"), (mean, spread, *ends), strict=True))


def result(**changes: Any) -> dict[str, Any]:
    """What three seeds gave: dual finds 6 points more than supervised training, and no control was trained."""
    about = {
        "method": "dual",
        "base": "supervised",
        "control": None,
        "kept": None,
        "labels": 20,
        "available": 80,
        "unlabeled": 4000,
        "validation": 50,
        "steps": 2000,
    }
    about |= {
        "seeds": [0, 1, 2],
        "measure": "PCK@0.1",
        "verdict": "gain",
        "warnings": [],
        "commit": "c",
        "machine": "m",
    }
    methods = {
        "supervised": {
            "pck": estimate(0.5, 0.02, 0.05),
            "median_error_px": estimate(8.0, 0.5),
            "seconds": estimate(60),
        },
        "dual": {"pck": estimate(0.56, 0.01, 0.02), "median_error_px": estimate(6.5, 0.25), "seconds": estimate(150)},
    }
    joints = {
        "nose": {
            "supervised": {"pck": 0.5, "median_error_px": 8.0},
            "dual": {"pck": 0.625, "median_error_px": 6.0},
            "difference": estimate(0.125, 0.01, 0.025),
        },
        "tail": {
            "supervised": {"pck": None, "median_error_px": None},
            "dual": {"pck": None, "median_error_px": None},
            "difference": None,
        },
    }
    curve = [
        {"labels": n, "pck": estimate(pck, 0.02, 0.05), "median_error_px": estimate(8.0, 0.5)}
        for n, pck in ((10, 0.4), (20, 0.5), (40, 0.6))
    ]
    gain = {"pck": estimate(0.06, 0.01, 0.02), "median_error_px": estimate(-1.5, 0.25, 0.5)}
    labels = {"about": 10, "low": 6, "high": 15, "why": ""}
    found = about | {"methods": methods, "joints": joints, "curve": curve, "difference": gain, "more_labels": labels}
    found |= changes
    if found["control"]:
        found["methods"]["control"] = methods["supervised"] | {"pck": estimate(0.52, 0.02), "seconds": estimate(75)}
        found["joints"] = {name: each | {"control": each["supervised"]} for name, each in joints.items()}
    return {"sentence": sentence(found), **found}


def test_the_sentence_says_it_all() -> None:
    assert result()["sentence"].replace(NBSP, " ") == (
        "Worth it: with 20 labels and 4,000 unlabelled images, dual finds 56.0 % of the joints (PCK@0.1), supervised"
        " training 50.0 %: +6.0 points (95 % interval +4.0 to +8.0) over 3 seeds. The median error is 6.5 instead of"
        " 8.0 pixels. The same 2,000 steps took 2.5 times as long. About 10 more labels would do as much (6 to 15)."
    )


def test_the_sentence_says_what_is_compared_with_and_what_was_kept() -> None:
    view, start = "affine60+flip50", "the joints (PCK@0.1), "
    assert f"{start}the best supervised training 50.0" in result(control=view)["sentence"]
    found = result(control=view, base="control", kept={"taught": 2, "runs": 3})
    assert f"{start}the best supervised training (its labelled images seen as {view}) 52.0" in found["sentence"]
    assert "over 3 seeds. It kept the network taught with unlabelled images in 2 of 3 runs. The" in found["sentence"]
    assert "steps took 2.0 times as long" in found["sentence"]
    alone = result(kept={"taught": 1, "runs": 1}, seeds=[0])["sentence"]
    assert "unlabelled images in 1 of 1 run." in alone


def test_tables_and_remarks_are_of_what_is_compared_with() -> None:
    found = result(control="affine60+flip50", base="control", kept={"taught": 2, "runs": 3})
    assert [row[0] for row in method_rows(found)] == ["supervised", "dual", "control", "difference to control"]
    text = markdown(found)
    assert "| joint | control, PCK@0.1 | dual, PCK@0.1 |" in text and "| labels | control, PCK@0.1 |" in text
    assert "labelled images are seen as affine60+flip50" in text and "chooses between two networks" in text
    assert charts(found)[0].series[0].label == "control"
    assert "control" not in markdown(result()) and "chooses" not in markdown(result())


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"verdict": "loss"}, "Not worth it: with 20 labels"),
        ({"verdict": "unclear", "labels": 1}, "No clear difference: with 1 label and"),
        ({"seeds": [0]}, "One seed tells little: with 20 labels"),
    ],
)
def test_the_sentence_opens_with_the_verdict(changes: dict[str, Any], start: str) -> None:
    found = result(**changes)
    assert found["sentence"].startswith(start)
    assert ("more labels" in found["sentence"]) == (found["verdict"] == "gain")
    assert ("(one seed, so no interval)" in found["sentence"]) == (len(found["seeds"]) == 1)


@pytest.mark.parametrize(
    ("labels", "verdict", "text"),
    [
        (Labels(10, 6, 15), "gain", " About 10 more labels would do as much (6 to 15)."),
        (Labels(10, 6), "gain", " About 10 more labels would do as much (6 or more)."),
        (Labels(10), "gain", " About 10 more labels would do as much."),
        (Labels(why="it is far"), "gain", " How many more labels would do as much cannot be told: it is far."),
        (Labels(10, 6, 15), "unclear", ""),
        (Labels(10, 6, 15), "loss", ""),
    ],
)
def test_labels_are_counted_for_a_gain_alone(labels: Labels, verdict: str, text: str) -> None:
    assert more_labels(labels, verdict) == text


def test_rows_of_methods_joints_and_label_counts() -> None:
    def plain(rows: list[list[str]]) -> list[list[str]]:
        return [[cell.replace(NBSP, " ") for cell in row] for row in rows]

    methods = plain(method_rows(result()))
    assert [row[:3] for row in methods] == [
        ["supervised", "50.0 % ± 2.0", "8.00 ± 0.50 px"],
        ["dual", "56.0 % ± 1.0", "6.50 ± 0.25 px"],
        ["difference to supervised", "+6.0 points (95 % interval +4.0 to +8.0)", "−1.50 px (−2.00 to −1.00)"],
    ]
    assert methods[2][3] == "2.5 times"
    assert plain(joint_rows(result())) == [
        ["nose", "50.0 %", "62.5 %", "+12.5 (+10.0 to +15.0)", "8.0 px", "6.0 px"],
        ["tail", "–", "–", "–", "–", "–"],
    ]
    assert plain(curve_rows(result()))[0] == ["10", "40.0 % ± 2.0", "8.00 ± 0.50 px"]


def test_the_curve_has_its_interval_and_the_method_s_level() -> None:
    (chart,) = charts(result())
    assert [line.label for line in chart.series] == [
        "supervised", "95 % interval", "95 % interval ", "dual, 20 labels",
    ]  # fmt: skip
    mean, low, high, level = (line.y for line in chart.series)
    assert mean.tolist() == [0.4, 0.5, 0.6] and level.tolist() == [0.56] * 3
    assert low == pytest.approx(mean - 0.05) and high == pytest.approx(mean + 0.05)
    across = re.findall(r'text-anchor="middle">([^<]+)<', chart.svg)
    assert across == ["11", "16", "23", "32", "labels"], "half doublings, as labels"


def test_one_point_or_one_seed_draw_less() -> None:
    found = result()
    assert charts({**found, "curve": found["curve"][:1]}) == []
    alone = [{**row, "pck": estimate(row["pck"]["mean"])} for row in found["curve"]]
    assert [line.label for line in charts({**found, "curve": alone})[0].series] == ["supervised", "dual, 20 labels"]


def test_markdown_and_page_say_the_same(tmp_path: Path) -> None:
    found = result(warnings=["dual-20-seed1: it <collapsed>"])
    text = markdown(found)
    assert text.startswith(f"# Is it worth it?\n\n{found['sentence']}\n")
    assert (
        "| joint | supervised, PCK@0.1 | dual, PCK@0.1 |" in text and "Warning: dual-20-seed1: it <collapsed>" in text
    )
    assert sum(line.startswith("| --- |") for line in text.splitlines()) == 3 and "each seed draws other labels" in text
    html = read(page(found, tmp_path / "worth.html"))
    assert found["sentence"].replace(NBSP, " ") in html.text and "it <collapsed>" in html.text
    assert html.tags.count("table") == 3 and html.tags.count("polyline") == 4
    rows = [row for row in text.replace(NBSP, " ").splitlines() if row.startswith("| ") and "---" not in row]
    assert all(cell in html.text for row in rows for cell in row.strip("| ").split(" | "))


def test_who_uses_all_labels_is_told_that_seeds_share_them() -> None:
    assert "all labels, so seeds differ in weights and views alone" in markdown(result(labels=80))
