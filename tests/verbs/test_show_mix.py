from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from semipose.cli import main
from semipose.config import to_dict
from semipose.errors import UserError
from semipose.models.build import build_model
from semipose.models.weights import save_model
from semipose.skeleton import LSP
from semipose.verbs.show_mix import show_mix
from tests.fixtures.runs import tiny

DATA = "synth:studio?count=6&start=70000"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    config = tiny(folder).model
    save_model(folder / "model", build_model(config, len(LSP)), config, LSP)
    return folder


def test_the_verb_writes_the_picture_and_says_what_moved(model: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "there" / "mix.png"
    words = ["show-mix", str(model), "--data", DATA, "--out", str(out), "--method.mix_chance=1"]
    assert main(words) == 0 and out.stat().st_size > 10_000
    said = capsys.readouterr().out
    assert all(name in said for name in ("image", "layer1", "layer2", "layer3", "unmixed after encoder", str(out)))
    assert main([*words, "--steps=3"]) == 2 and "settings of the method" in capsys.readouterr().err


@pytest.mark.parametrize(
    "method",
    [
        {"name": "guarded"},
        {"name": "guarded_dual"},
        {"name": "mum"},
        {"name": "pose_mum_plus"},
        {"name": "dual", "mix_group": 4},
        {"name": "pseudopose", "teacher": "run", "mix_group": 4},
        {"name": "guarded", "hard": "jo2+affine30", "hard_of": "easy", "mix_group": 2},
    ],
)
def test_a_method_with_a_twin_a_peer_or_an_average_is_shown_too(model: Path, tmp_path: Path, method: dict) -> None:
    shown = show_mix(model, data=DATA, out=tmp_path / "mix.png", method=method)
    assert "image" in shown["mixed"] and (tmp_path / "mix.png").exists()


@pytest.mark.parametrize("name", ["guarded", "guarded_dual", "single"])
def test_a_run_that_mixes_nothing_is_shown_with_pose_mum(model: Path, tmp_path: Path, name: str) -> None:
    """Recipe `auto` for one: its hard view is of the easy one."""
    method = {"name": name, "hard": "jo2+affine30", "hard_of": "easy", "mix_group": 1}
    run = tmp_path / "run"
    run.mkdir()
    for file in model.glob("model.*"):
        (run / file.name).write_bytes(file.read_bytes())
    (run / "config.yaml").write_text(yaml.safe_dump({"model": to_dict(tiny(run).model), "method": method}))
    shown = show_mix(run, data=DATA, out=tmp_path / "mix.png", method={"mix_chance": 1})
    assert shown["mixed"] == ["image", "layer1", "layer2", "layer3"]
    with pytest.raises(UserError, match=rf"^{name} mixes nothing with these settings; --method\.mix_group=4 mixes"):
        show_mix(run, data=DATA, out=tmp_path / "mix.png", method={"name": name})
    with pytest.raises(UserError, match=r"^supervised mixes nothing with these settings; --method\.name=mum does"):
        show_mix(run, data=DATA, out=tmp_path / "mix.png", method={"name": "supervised"})


def test_what_cannot_be_shown_is_one_line(model: Path, tmp_path: Path) -> None:
    for arguments, message in (
        ({"model": tmp_path / "absent"}, "there is no"),
        ({"model": model}, "--data"),
        ({"model": model, "data": "synth:studio?count=3"}, "fewer than a group of 4"),
        ({"model": model, "data": DATA, "method": {"mix_tiles": [4, 4]}}, "mix_tiles"),
        ({"model": model, "data": DATA, "out": tmp_path / "mix.nothing"}, "no name of a picture"),
    ):
        with pytest.raises(UserError, match=message):
            show_mix(**{"out": tmp_path / "mix.png", **arguments})  # type: ignore[arg-type]
