"""For all tests."""

import gc
from collections.abc import Iterator

# Hypothesis' plugin imports it in the end anyway; there, deep below pytest, CPython 3.11 fails to compile it now and then
# ("AST constructor recursion depth mismatch"), and a run that passed ends in a traceback.
import hypothesis  # noqa: F401
import pytest

# Between the modules alone, by the fixture below: a third of the CPU time of a test that registers a region's resources.
gc.disable()


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
