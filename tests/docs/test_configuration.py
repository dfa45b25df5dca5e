"""The page of settings says what the schema says."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_its_script_writes() -> None:
    document = runpy.run_path(str(DOCS / "configuration.py"))["document"]
    text = (DOCS / "reference" / "configuration.md").read_text()
    assert text == document(), "run python docs/configuration.py"
    assert "| `optim.lr` |" in text and "| `method.burn_in` |" in text and "it is above 0" in text
