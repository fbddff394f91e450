"""Finds or builds every binary that the sandbox runs, from pinned public Go modules.

modules/<name>/ has a go.mod with the pinned version (and upstream's own replacements), and a go.sum with the hashes.
"""
