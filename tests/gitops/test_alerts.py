"""Every alert fires in its scenario with its texts, resolves, and goes to the right receiver."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.toolchain import build
from tests.gitops import monitored

pytestmark = pytest.mark.toolchain

ALERTS = monitored.alerts(monitored.FULL)
SCENARIOS: dict[str, list[dict[str, Any]]] = yaml.safe_load(Path(__file__).with_name("alerts.yaml").read_text())
LABEL = re.compile(r"{{ \$labels\.(\w+) }}")
RECEIVERS = {"critical": "page", "warning": "ticket", "none": "heartbeat"}


@pytest.fixture(scope="module")
def binaries() -> dict[str, Path]:
    """promtool and amtool, of the versions that regions run."""
    return build.ensure(lambda tool, done, total: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of Prometheus and Alertmanager, in a folder for each region."""
    root = tmp_path_factory.mktemp("monitoring")
    for region in (monitored.FULL, monitored.PLAIN):
        (root / region).mkdir()
        for config_map in ("prometheus", "alertmanager"):
            for name, text in monitored.get_object(region, "ConfigMap", config_map)["data"].items():
                (root / region / name).write_text(text)
    return root


def run(*command: str | Path) -> str:
    """The output of a command that succeeds."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_every_alert_has_a_scenario_and_every_scenario_an_alert(
    record_property: Callable[[str, object], None],
) -> None:
    assert set(SCENARIOS) == set(ALERTS)
    record_property("alerts with a scenario, in a hundred of all", 100 * len(SCENARIOS) / len(ALERTS))
    record_property("alerts", len(ALERTS))
    unending = {name for name, scenarios in SCENARIOS.items() for scenario in scenarios if "resolves" not in scenario}
    assert unending == {"Watchdog"}


def expected(alert: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    """A firing alert, whole: its texts with the labels filled in. Raises KeyError if a text names a missing label."""
    all_labels = {**labels, **alert["labels"]}
    texts = {name: LABEL.sub(lambda match: all_labels[match[1]], text) for name, text in alert["annotations"].items()}
    assert not [text for text in texts.values() if "{{" in text], "a text may take values from labels alone"
    return {"exp_labels": all_labels, "exp_annotations": texts}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_quiet_then_fires_with_its_texts_then_resolves(
    name: str, binaries: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    tests = []
    for scenario in SCENARIOS[name]:
        firing = [expected(ALERTS[name], scenario.get("labels", {}))]
        moments = [(scenario.get("quiet"), []), (scenario["fires"], firing), (scenario.get("resolves"), [])]
        tests.append(
            {
                "interval": "1m",
                "input_series": [{"series": series, "values": values} for series, values in scenario["series"].items()],
                "alert_rule_test": [
                    {"eval_time": at, "alertname": name, "exp_alerts": alerts} for at, alerts in moments if at
                ],
            }
        )
    document = {
        "rule_files": [str(folder / monitored.FULL / "rules.yml")],
        "evaluation_interval": "1m",
        "tests": tests,
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(document))
    run(binaries["promtool"], "test", "rules", tmp_path / "test.yml")


@pytest.mark.parametrize("region", [monitored.FULL, monitored.PLAIN])
def test_prometheus_accepts_the_rules_and_the_configuration(
    region: str, binaries: dict[str, Path], folder: Path, tmp_path: Path
) -> None:
    run(binaries["promtool"], "check", "rules", "--lint=all", "--lint-fatal", folder / region / "rules.yml")
    for name in ("token", "ca.crt"):
        (tmp_path / name).touch()
    text = (folder / region / "prometheus.yml").read_text()
    text = text.replace("/var/run/secrets/kubernetes.io/serviceaccount", str(tmp_path))
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus", str(folder / region)))
    run(binaries["promtool"], "check", "config", "--lint=all", "--lint-fatal", tmp_path / "prometheus.yml")


def test_alertmanager_accepts_its_configuration(binaries: dict[str, Path], folder: Path) -> None:
    run(binaries["amtool"], "check-config", folder / monitored.FULL / "alertmanager.yml")


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_goes_to_the_receiver_of_its_severity_and_the_watchdog_to_the_heartbeat_alone(
    name: str, binaries: dict[str, Path], folder: Path
) -> None:
    labels = {"alertname": name, "region": "r", **ALERTS[name]["labels"]}
    words = [f"{key}={value}" for key, value in labels.items()]
    config = f"--config.file={folder / monitored.FULL / 'alertmanager.yml'}"
    receiver = RECEIVERS[labels["severity"]]
    run(binaries["amtool"], "config", "routes", "test", config, f"--verify.receivers={receiver}", *words)
    assert (receiver == "heartbeat") == (name == "Watchdog")
