from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from semipose.config import Config, peer_of, to_dict
from semipose.config.resolve import keys, read_overrides, read_yaml, resolve, split_file
from semipose.errors import UsageError, UserError
from semipose.methods import options
from semipose.papers.find import recipes


def test_layers_lie_over_each_other() -> None:
    config = resolve(Config(), {"optim": {"lr": 0.5, "batch": 4}}, {"optim": {"lr": 0.25}, "steps": 7})
    assert (config.optim.lr, config.optim.batch, config.steps) == (0.25, 4, 7)


@pytest.mark.parametrize("key", ["devices", "num_nodes", "steps", "epochs", "strategy", "accelerator", "decode"])
def test_what_was_cut_short_is_null_and_named(key: str) -> None:
    with pytest.raises(UsageError, match=f"^{key} is null; it can be (a whole number|text)"):
        resolve(Config(), {key: None})


@pytest.mark.parametrize(
    "layer", [{"threshold": 10**400}, {"optim": {"final": -(10**400)}}, {"model": {"size": [10**400, 9]}}]
)
def test_a_number_of_hundreds_of_digits_is_named(layer: dict) -> None:
    with pytest.raises(
        UsageError, match=r"^(threshold|optim\.final|model\.size\.0) is a number of more than 300 digits"
    ):
        resolve(Config(), layer)


def test_options_of_the_backbone_are_free() -> None:
    assert resolve(Config(), {"model": {"options": {"layers": [1, 1]}}}).model.options == {"layers": [1, 1]}


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_survives_a_round_trip(name: str) -> None:
    config = recipes()[name].config()
    assert resolve(Config(), to_dict(config)) == config


def test_overrides_are_yaml_in_both_spellings() -> None:
    layer = read_overrides(
        ["--optim.lr=3e-4", "--model.size", "[64, 48]", "--data.val=null", "--stop-on-collapse=true"]
    )
    assert layer == {
        "optim": {"lr": "3e-4"},
        "model": {"size": [64, 48]},
        "data": {"val": None},
        "stop_on_collapse": True,
    }
    assert resolve(Config(), layer).optim.lr == 3e-4


@pytest.mark.parametrize(
    ("layer", "hint"),
    [
        ({"model": {"bakbone": "x"}}, "model.backbone"),
        ({"lr": 1}, "optim.lr"),
        ({"optimizer": {}}, "optim"),
        ({"steps": "many"}, "steps"),
        ({"data": "x"}, "section"),
        ({"data": {"labeled": 5}}, "^data.labeled is 5; it can be text, a list of texts or null$"),
        ({"data": {"coordinates": "normalized"}}, "^data.coordinates is 'normalized'; it can be .*shares.* or null$"),
        ({"model": {"size": "wide"}}, "^model.size is 'wide'; it can be a list of whole numbers$"),
        ({"measure": "foo"}, "pck, pckh, jdr"),
    ],
)
def test_what_does_not_fit_is_named(layer: dict, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        resolve(Config(), layer)


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "data.yaml").write_text("labeled: images\nunlabeled: elsewhere\n")
    layer = read_yaml(tmp_path / "data.yaml", "data")
    assert layer == {"data": {"labeled": str(tmp_path / "images"), "unlabeled": "elsewhere"}}


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2", "!!python/object/apply:os.system ['true']"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(UserError, match=r"x\.yaml"):
        read_yaml(tmp_path / "x.yaml")


@pytest.mark.parametrize("text", ["data:\nmodel:\n", "data:\nsteps: 100\n", "data: {labeled: null}\nmodel:\n"])
def test_an_empty_section_is_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    for section in (None, "data"):
        assert resolve(Config(), read_yaml(tmp_path / "x.yaml", section)).data == Config().data


@pytest.mark.parametrize(
    "word",
    [
        *("seed=-1", "eval_every=-5", "log_every=-1", "save_every=-1", "threshold=-1", "threshold=0", "threshold=.nan"),
        *("pseudo=-1", "workers=-1", "threads=-1", "threads=null", "data.reach=-1", "optim.lr=-1", "optim.lr=.inf"),
        *("optim.lr_rest=-1", "optim.momentum=1", "optim.momentum=-0.1", "optim.newton_schulz=0", "optim.final=1.5"),
        *("optim.newton_schulz=21", "optim.weight_decay=-1", "optim.warmup=-1", "optim.decay=1.5", "optim.name=sgd"),
        *("optim.schedule=linear", "optim.name=null", "optim.warmup=.inf", "optim.lr_rest=.nan"),
        *("optim.gamma=0", "optim.batch=0", "optim.unlabeled_batch=-2", "model.sigma=0", "model.padding=-1"),
        *("model.size=[64]", "model.size=[0,0]", "model.size=[64,48,3]", "peer.padding=0"),
    ],
)
def test_a_number_out_of_its_range_is_refused(word: str) -> None:
    with pytest.raises(UsageError) as error:
        resolve(Config(), read_overrides([f"--{word}"]))
    assert str(error.value).startswith(f"{word.split('=')[0]} is ") and "\n" not in str(error.value)


def test_the_ends_of_ranges_are_in_them() -> None:
    zero = ("eval_every", "log_every", "save_every", "pseudo", "workers", "threads", "optim.lr", "data.reach", "seed")
    zero += tuple(f"optim.{key}" for key in ("lr_rest", "momentum", "weight_decay", "warmup", "decay", "final"))
    resolve(Config(), read_overrides([f"--{key}=0" for key in zero]))


def test_keys_are_dotted_names() -> None:
    assert {"data.labeled", "model.backbone", "steps"} <= set(keys())


def test_a_peer_is_the_model_but_for_what_it_says() -> None:
    config = resolve(
        Config(), read_overrides(["--peer.backbone=resnet34", "--model.size=[64, 48]", "--peer.deconv=[8]"])
    )
    assert config.peer == {"backbone": "resnet34", "deconv": [8]}
    assert peer_of(config) == replace(config.model, backbone="resnet34", deconv=[8])
    assert peer_of(config).size == [64, 48] and peer_of(Config()) == Config().model
    later = resolve(config, {"peer": {"weights": "none"}})
    assert later.peer == {"backbone": "resnet34", "deconv": [8], "weights": "none"}
    assert resolve(Config(), {"peer": {"options": {"layers": [1]}, "padding": "1.5"}}).peer == {
        "options": {"layers": [1]},
        "padding": 1.5,
    }


@pytest.mark.parametrize(
    ("layer", "hint"),
    [
        ({"bakbone": "x"}, "no setting peer.bakbone; did you mean peer.backbone"),
        ({"size": "wide"}, "size"),
        (3, "peer."),
    ],
)
def test_what_does_not_fit_a_peer_is_named(layer: object, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        resolve(Config(), {"peer": layer})


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["data.yaml", "--steps=3"], "data.yaml"),
        (["--steps", "3", "data.yaml"], "data.yaml"),
        (["--steps=3", "data.yaml"], "data.yaml"),
        (["--optim.lr", "3e-4"], None),
        ([], None),
    ],
)
def test_a_file_among_settings_is_told_from_their_values(words: list[str], file: str | None) -> None:
    found, rest = split_file(words)
    assert found == file and rest == [word for word in words if word != file]


def test_a_data_yaml_may_have_more_sections(tmp_path: Path) -> None:
    path = tmp_path / "data.yaml"
    path.write_text("data: {labeled: a.json, skeleton: {pairs: []}}\nsteps: 3\n")
    layer = read_yaml(path, "data")
    assert layer["steps"] == 3 and resolve(Config(), layer, layer).data.skeleton == {"pairs": []}
    path.write_text("labeled: a.json\n")
    assert read_yaml(path, "data") == {"data": {"labeled": "a.json"}}


OLD = json.loads((Path(__file__).parents[1] / "fixtures" / "configs_0_1.json").read_text())
"""Configurations as version 0.1 recorded them, with every option of every method."""


@pytest.mark.parametrize("name", OLD)
def test_what_an_older_version_recorded_still_loads(name: str) -> None:
    config = resolve(Config(), OLD[name])
    recorded = OLD[name]["method"]
    assert {key: value for key, value in vars(config.method).items() if key in recorded}.items() <= recorded.items()
    for section, values in OLD[name].items():
        if section != "method":
            newer = to_dict(Config())[section] if isinstance(values, dict) else {}
            assert to_dict(config)[section] == ({**newer, **values} if newer else values)


def test_an_override_may_switch_the_method_of_a_file() -> None:
    file = {"method": {"name": "single", "easy": "affine10", "hard": "affine20", "burn_in": 0.5}}
    config = resolve(Config(), file, {"method": {"name": "supervised"}})
    assert config.method == options("supervised", easy="affine10")
    with pytest.raises(UsageError, match="method supervised has no option hard"):
        resolve(Config(), {"method": {"name": "supervised", "hard": "affine20"}})


def test_options_of_a_method_are_typed() -> None:
    method = resolve(Config(), {"method": {"name": "mum", "weight": "0.5", "mix_group": "2"}}).method
    assert method == options("mum", weight=0.5, mix_group=2)
    with pytest.raises(UsageError, match=r"^method.mix_tiles is 'wide'; it can be a list of whole numbers$"):
        resolve(Config(), {"method": {"name": "mum", "mix_tiles": "wide"}})


def test_another_method_keeps_what_was_set_and_not_the_defaults_of_the_one_before() -> None:
    before = resolve(Config(), {"method": {"name": "guarded", "easy": "affine10", "burn_in": 0.3}})
    assert before.method.mix_tiles == [0, 0]  # type: ignore[attr-defined]
    assert resolve(before, {"method": {"name": "supervised"}}).method == options("supervised", easy="affine10")
    assert resolve(before, {"method": {"name": "mum"}}).method == options("mum", easy="affine10", burn_in=0.3)


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ({"method": {"name": {}}}, "method.name is {}"),
        ({"method": {7: 1}}, "its options have names"),
        ({"seed": 10**40}, "seed is 1"),
        ({"data": {"store": "NaN"}}, "data.store is"),
        ({"model": {"size": [10**6, 64]}}, "model.size is"),
        ({"model": {"deconv": [10**6]}}, "model.deconv is"),
        ({"model": {"padding": 1e30}}, "model.padding is"),
    ],
    ids=str,
)
def test_values_that_cannot_be_are_named(layer: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        resolve(Config(), layer)


def test_a_setting_that_is_no_yaml_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"--data\.labeled is '\[', which is not YAML"):
        read_overrides(["--data.labeled=["])


def test_null_is_named_in_any_section() -> None:
    with pytest.raises(UsageError, match=r"^method\.hard is null; it can be text"):
        resolve(Config(method=options("single")), {"method": {"hard": None}})
    with pytest.raises(UsageError, match=r"^data\.frames is null; it can be text"):
        resolve(Config(), {"data": {"frames": None}})


def test_a_folder_is_its_data_yaml_or_names_init(tmp_path: Path) -> None:
    for name, text in (("data.yaml", "data:\n  labeled: a.csv\n"), ("semipose.yaml", "labeled: a.csv\n")):
        (tmp_path / "new").mkdir(exist_ok=True)
        (tmp_path / "new" / "a.csv").write_text("")
        with pytest.raises(UserError, match=rf"new is a folder; semipose init {tmp_path}/new writes"):
            read_yaml(tmp_path / "new", "data")
        (tmp_path / "new" / "data.yaml").write_text("names: {0: mouse}\ntrain: images\n")
        (tmp_path / "new" / name).write_text(text)
        assert read_yaml(tmp_path / "new", "data") == {"data": {"labeled": f"{tmp_path}/new/a.csv"}}
        with pytest.raises(UserError, match=rf"new is a folder; name {tmp_path}/new/{name}"):
            read_yaml(tmp_path / "new")
        (tmp_path / "new" / "data.yaml").unlink(), (tmp_path / "new" / name).unlink(missing_ok=True)
    (tmp_path / "new" / "config.yaml").write_text("data:\n  labeled: a.csv\n")  # a run's
    with pytest.raises(UserError, match=rf"new is a folder; name {tmp_path}/new/config.yaml"):
        read_yaml(tmp_path / "new", "data")


@pytest.mark.parametrize("name", ["a.gif", "a.csv", "a.mp4", "a.slp", "labels"])
def test_what_is_no_yaml_is_pointed_to_init(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"image,joint,x,y\n\xff\xfe")
    with pytest.raises(UserError, match=rf"{name} is no data\.yaml; semipose init {tmp_path} writes one"):
        read_yaml(tmp_path / name, "data")
    with pytest.raises(UserError, match="No such file"):
        read_yaml(tmp_path / f"gone-{name}", "data")


@pytest.mark.parametrize("word", ["--steps=1:30", "--model.size=&a [*a]"])
def test_a_word_that_is_no_number_or_without_end_is_refused(word: str) -> None:
    assert resolve(Config(), read_overrides(["--steps=010"])).steps == 10, "no eight"
    with pytest.raises(UserError, match=word.partition("=")[0][2:]):
        resolve(Config(), read_overrides([word]))


def test_settings_beside_the_keys_of_data_are_named(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("labeled: a.json\nval: b.json\nsteps: 2\nmodel: {size: [64, 64]}\n")
    with pytest.raises(
        UsageError, match=r"data\.yaml: write data: on a line of its own; labeled, val must be indented below data:$"
    ):
        read_yaml(tmp_path / "data.yaml", "data")
    for value in ("", " 3"):
        (tmp_path / "data.yaml").write_text(f"data:{value}\nlabeled: a.json\nsteps: 2\n")
        with pytest.raises(UsageError, match=r"data\.yaml: labeled must be indented below data:$"):
            read_yaml(tmp_path / "data.yaml", "data")
    (tmp_path / "data.yaml").write_text("labeled: a.json\n")
    assert read_yaml(tmp_path / "data.yaml", "data") == {"data": {"labeled": "a.json"}}
    (tmp_path / "data.yaml").write_text("train: images\nval: images\nnames: [mouse]\n")
    assert read_yaml(tmp_path / "data.yaml").keys() == {"train", "val", "names"}, "another program's"
