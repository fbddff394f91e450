"""For all tests."""

import gc
from collections.abc import Iterator
from typing import Any

# Hypothesis' plugin imports it in the end anyway; there, deep below pytest, CPython 3.11 fails to compile it now and then
# ("AST constructor recursion depth mismatch"), and a run that passed ends in a traceback.
import hypothesis  # noqa: F401
import pytest
from xdist.scheduler import LoadScopeScheduling

# Between the modules alone, by the fixture below: a third of the CPU time of a test that registers a region's resources.
gc.disable()


class Scheduling(LoadScopeScheduling):
    """Gives each worker whole files, in the order of the tests. A file's tests build on each other, or share a slow fixture."""

    def _split_scope(self, nodeid: str) -> str:
        """What one worker runs. Tests of the clouds' faults share nothing. The clouds' SDKs are slow to import."""
        file = nodeid.partition("::")[0]
        if file.startswith("tests/engine/clouds/"):
            return nodeid
        return "SDKs" if file.startswith(("tests/components/", "tests/bootstrap/")) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Share the tests between the workers of `-n`."""
    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.fixture(autouse=True, scope="module")
def _litter() -> Iterator[None]:
    """Collect what a module's tests leave open, such as the event loops of Pulumi's SDK, before the next module's begin.

    pytest shows a traceback of each, for which Python parses source. Should that happen while it parses already, in the midst of
    another test, CPython 3.11 fails: "AST constructor recursion depth mismatch" (github.com/python/cpython, issue 106905).
    What is left, such as the clouds' SDKs, is not looked at again: each look at it takes 0.8 seconds.
    """
    yield
    gc.collect()
    gc.freeze()
