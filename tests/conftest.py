"""For all tests."""

# Hypothesis' plugin imports it in the end anyway; there, deep below pytest, CPython 3.11 fails to compile it now and then
# ("AST constructor recursion depth mismatch"), and a run that passed ends in a traceback.
import hypothesis  # noqa: F401
