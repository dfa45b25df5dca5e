"""docs/DIFFERENCES.md says what the code says."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_is_what_its_script_writes() -> None:
    document = runpy.run_path(str(DOCS / "differences.py"))["document"]
    assert (DOCS / "DIFFERENCES.md").read_text() == document(), "run python docs/differences.py"
