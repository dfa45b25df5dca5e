from __future__ import annotations

from pathlib import Path

from semipose.config import Config, DataConfig
from semipose.methods import options
from semipose.models.config import ModelConfig
from semipose.papers.scale import paper


def test_settings_go_to_the_network_or_to_the_run() -> None:
    def data(root: Path | None) -> DataConfig:
        return DataConfig(labeled=str(root))

    more = {"peer": {"backbone": "hrnet_w48"}, "measure": "pckh", "threshold": 0.5, "decode": "dark"}
    make = paper(data, {"name": "dual", "share": 0.5}, backbone="resnet50", size=[256, 256], **more)
    model, method = ModelConfig("resnet50", size=[256, 256]), options("dual", share=0.5)
    assert make(3, Path("R")) == Config(DataConfig(labeled="R"), model, method, seed=3, **more)
    assert make(4, None) == Config(DataConfig(labeled="None"), model, method, seed=4, **more)


def test_the_paper_s_setting_is_every_run_s_default() -> None:
    config = paper(lambda root: DataConfig(), {"name": "dual"})(0, None)
    assert config == Config() and (config.model.backbone, config.model.size) == ("resnet18", [256, 192])
