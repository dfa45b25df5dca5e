"""What is taken from a model hub, and what is not, against one on loopback."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from semipose.errors import UserError
from semipose.models.hub import FILES, fetch, located, network_of, send
from semipose.models.weights import load_model
from tests.fixtures.hub import StubHub
from tests.fixtures.runs import untrained

pytest.importorskip("huggingface_hub")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubHub]:
    stub = StubHub().near(monkeypatch, tmp_path / "cache")
    yield stub
    stub.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("hub") / "run", "supervised")


def filled(hub: StubHub, model: Path) -> StubHub:
    hub.files |= {f"owner/name/{file}": (model / file).read_bytes() for file in FILES}
    hub.files["owner/name/pytorch_model.bin"] = b"pickle"
    return hub


def test_two_files_are_fetched_and_load(hub: StubHub, model: Path) -> None:
    filled(hub, model)
    for address in ("hf://owner/name", "hf://owner/name@v1"):
        place = fetch(address)
        assert {path.name for path in place.iterdir()} == set(FILES)
        assert load_model(place).config.backbone == "resnet18"
    assert not [each for each in hub.asked if not each.endswith(tuple(FILES))]
    assert any("/resolve/v1/" in each for each in hub.asked)
    assert located(model) == model and located("hf://owner/name").name == place.name


def test_of_the_description_a_list_is_taken(model: Path, tmp_path: Path) -> None:
    content = json.loads((model / "model.json").read_text())
    content["model"] |= {"weights": "imagenet", "freeze": ["stem"], "size": [8, 8], "other": "value"}
    (tmp_path / "model.json").write_text(json.dumps(content))
    taken = network_of(tmp_path)
    assert set(taken) == {"backbone", "options", "decoder", "deconv", "sigma", "bgr", "weights"}
    assert taken["weights"] == "none" and taken["deconv"] == [8, 8, 8]


@pytest.mark.parametrize("content", [{}, {"model": []}, {"model": {"backbone": 3}}])
def test_a_description_that_is_none_is_refused(content: dict, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="does not describe a network"):
        network_of(tmp_path)


@pytest.mark.parametrize(
    "address", ["hf://owner", "hf://../name", "hf://owner/name/more", "hf://owner/name@a/b", "hf://", "hf://o/n\n"]
)
def test_addresses_that_are_none(address: str, hub: StubHub) -> None:
    with pytest.raises(UserError, match="is no address of a hub; write hf://owner/name"):
        fetch(address)
    assert not hub.asked


def test_what_cannot_be_fetched_is_a_line(hub: StubHub, model: Path) -> None:
    with pytest.raises(UserError, match=r"hf://owner/name: model.json cannot be fetched \(.*\); check") as caught:
        fetch("hf://owner/name")
    assert "\n" not in str(caught.value)
    filled(hub, model).claimed["owner/name/model.json"] = 1 << 40
    with pytest.raises(UserError, match=r"has a model.json of 1099511627776 bytes; at most 16777216 are fetched"):
        fetch("hf://owner/name")
    assert not [each for each in hub.asked if each.startswith("GET")], "nothing of it was read"


def test_what_is_sent_can_be_fetched(hub: StubHub, model: Path) -> None:
    files: dict[str, bytes | Path] = {file: model / file for file in FILES}
    assert send("owner/name", {**files, "README.md": b"# card"}, private=True).startswith(hub.address)
    assert hub.files["owner/name/README.md"] == b"# card"
    assert load_model(fetch("hf://owner/name")).config.backbone == "resnet18"
    hub.refuses = True
    with pytest.raises(UserError, match=r"owner/name cannot be sent .*; log in with hf auth login"):
        send("owner/name", files, private=False)
    with pytest.raises(UserError, match="'name' is no name of a hub's repository"):
        send("name", files, private=False)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"pip install 'semipose\[hub\]'"):
        fetch("hf://owner/name")
