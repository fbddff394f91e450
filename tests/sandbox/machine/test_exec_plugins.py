"""The exec plugins, which kubectl and Pulumi start for each cluster."""

from __future__ import annotations

import subprocess
import sys

from tests.repository import ROOT


def test_they_need_no_installed_package() -> None:
    command = [sys.executable, "-S", "-c", "import sandbox.machine.exec_plugins"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
