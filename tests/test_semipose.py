"""What `import semipose` gives."""

import subprocess
import sys

import pytest

EVERY_VERB = """
import pkgutil, semipose
from importlib import import_module
for _ in range(2):
    for name in semipose.__all__:
        assert callable(getattr(semipose, name)) or name.startswith("_"), name
    for module in pkgutil.walk_packages(semipose.__path__, "semipose."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
"""


@pytest.mark.slow
def test_a_verb_stays_a_function_whatever_is_imported() -> None:
    """A submodule of a verb's name would take its place in the package once imported."""
    done = subprocess.run([sys.executable, "-c", EVERY_VERB], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
