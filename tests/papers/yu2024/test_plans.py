"""What is trained for a row; the rows themselves are in test_tables.py beside this."""

from __future__ import annotations

from pathlib import Path

from semipose.papers.yu2024.plans import IMAGES, PLANS, half_of_the_labels, plan


def test_half_of_the_people_are_the_first_half() -> None:
    assert half_of_the_labels(3) == "synth:studio?seed=3&count=10&start=200000"


def test_labels_are_counted_by_image_and_pseudo_heatmaps_measured_on_many() -> None:
    one = plan({"name": "dual"}, 500)
    assert one.by_image and one.labels == 500 and set(one.scales) == {"paper", "mini"}
    for make in one.scales.values():
        assert make(2, None).pseudo == IMAGES == 1000 and make(2, None).seed == 2
    assert one.scales["mini"](2, None).data.labeled == half_of_the_labels(2)
    assert str(one.scales["paper"](2, Path("R")).data.labeled).startswith("R/coco/")


def test_the_decay_belongs_to_a_length() -> None:
    scales = PLANS["teacher-student"].scales
    assert [scales[name](0, None).method.decay for name in ("paper", "mini")] == [0.9996, 0.99]


def test_changes_are_of_the_method() -> None:
    made = plan({"name": "denoise_select", "pool": "max"}, pool="mean").scales
    assert {make(0, None).method.pool for make in made.values()} == {"mean"}
