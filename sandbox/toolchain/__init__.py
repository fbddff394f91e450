"""Finds or builds every binary of the sandbox, from pinned public Go modules.

    tools.py     the tools and their versions
    build.py     finds and builds them, in a cache outside the checkout
    __main__.py  `python -m sandbox.toolchain`
    modules/     a go.mod for each tool, and a go.sum with the hashes

Each go.mod pins the tool's version, and has upstream's own replacements.
"""
