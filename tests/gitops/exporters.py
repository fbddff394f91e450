"""The metrics of each exporter, by its own source. `python -m tests.gitops.exporters` regenerates tests/gitops/metrics/.

The sources are the Go modules of the versions in regions, from the module cache. `go` downloads missing ones.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("metrics")
SCRAPE = ("up", "scrape_duration_seconds", "scrape_samples_scraped")
"""The series that Prometheus adds to each scrape. Source: prometheus.io, concepts/jobs_instances."""
OWN = ("ALERTS", "ALERTS_FOR_STATE")
"""The series of Prometheus' own alerts. Source: prometheus.io, configuration/alerting_rules."""


@dataclass(frozen=True)
class Exporter:
    """The source of an exporter's metrics."""

    module: str
    version: str
    folders: tuple[str, ...]
    """Folders of the module, with their subfolders. In Markdown files `names` reads the tables."""


EXPORTERS: dict[str, Exporter] = {
    "alertmanager": Exporter(
        "github.com/prometheus/alertmanager",
        "v0.33.1",
        ("api", "cluster", "config", "dispatch", "nflog", "notify", "provider", "silence"),
    ),
    "argocd": Exporter("github.com/argoproj/argo-cd/v3", "v3.6.1", ("controller/metrics",)),
    "influxdb": Exporter(
        "github.com/influxdata/influxdb/v2",
        "v2.7.12",
        ("http", "query/control", "storage", "task/backend", "tsdb"),
    ),
    "kube-state-metrics": Exporter("k8s.io/kube-state-metrics/v2", "v2.19.1", ("docs/metrics",)),
    "kubelet": Exporter("k8s.io/kubernetes", "v1.36.3", ("cmd/kubelet", "pkg/kubelet")),
    "prometheus": Exporter(
        "github.com/prometheus/prometheus",
        "v0.313.1",
        ("config", "notifier", "promql", "rules", "scrape", "tsdb", "web"),
    ),
}
"""Job to exporter. The job kubelet-resource is the kubelet, too.

Versions are those of gitops/pins and components/upstream. The kubelet's is at least as new as the regions'."""

_TEXT = re.compile(r'\b(?P<name>\w+)\s*(?:string\s*)?=\s*"(?P<value>[^"]*)"')
_OPTIONS = re.compile(r"(?P<kind>Counter|Gauge|Histogram|Summary)Opts\s*{(?P<body>.*?)\n?\s*}\s*[,)]", re.DOTALL)
_FIELD = re.compile(r"\b(?P<field>Namespace|Subsystem|Name):\s*(?P<value>[\w.]+|\"[^\"]*\")")
_WORD = r"(?:\"[^\"]*\"|[\w.]+)"
_DESCRIBED = re.compile(
    rf"NewDesc\(\s*(?P<name>{_WORD})\s*,|BuildFQName\(\s*(?P<parts>{_WORD}\s*,\s*{_WORD}\s*,\s*{_WORD})\s*\)"
)
_ROW = re.compile(r"^\|\s*`?(?P<name>[a-z]\w*)`?\s*\|\s*(?P<kind>\w+)", re.MULTILINE)
_SUFFIXES = {"Histogram": ("_bucket", "_sum", "_count"), "Summary": ("", "_sum", "_count")}


def names(root: Path, exporter: Exporter) -> set[str]:
    """The names of all series, a histogram's as they are exported."""
    metrics: set[str] = set()
    programs = {
        path: path.read_text()
        for folder in exporter.folders
        for path in sorted((root / folder).rglob("*.go"))
        if not path.name.endswith("_test.go")
    }
    everywhere = _constants(programs.values())
    for path, text in programs.items():
        beside = _constants(other for file, other in programs.items() if file.parent == path.parent)
        metrics |= set(_in_go(text, {**everywhere, **beside, **_constants([text])}))
    for folder in exporter.folders:
        for path in sorted((root / folder).rglob("*.md")):
            for row in _ROW.finditer(path.read_text()):
                metrics |= {row["name"] + suffix for suffix in _SUFFIXES.get(row["kind"].capitalize(), ("",))}
    return {name for name in metrics if re.fullmatch(r"[a-z][a-z0-9_]+", name)}


def _constants(programs: Iterable[str]) -> dict[str, str]:
    return {constant["name"]: constant["value"] for text in programs for constant in _TEXT.finditer(text)}


def _in_go(text: str, constants: Mapping[str, str]) -> Iterator[str]:
    """The metrics that a file defines. A constant is the file's own, else its folder's, else any of the exporter's."""

    def value(word: str) -> str | None:
        return word.strip('"') if word.startswith('"') else constants.get(word.rpartition(".")[2])

    for match in _OPTIONS.finditer(text):
        fields = {field["field"]: value(field["value"]) for field in _FIELD.finditer(match["body"])}
        parts = [fields.get(key, "") for key in ("Namespace", "Subsystem", "Name")]
        if parts[2] and None not in parts:
            name = "_".join(part for part in parts if part)
            yield from (name + suffix for suffix in _SUFFIXES.get(match["kind"], ("",)))
    for match in _DESCRIBED.finditer(text):
        words = [value(word.strip()) for word in (match["name"] or match["parts"]).split(",")]
        if None not in words:
            yield "_".join(word for word in words if word)


def recorded(job: str) -> set[str]:
    """The recorded list of an exporter's metrics."""
    return set((FOLDER / f"{job}.txt").read_text().splitlines()[1:])


def _downloaded(exporter: Exporter) -> Path:
    command = ["go", "mod", "download", "-json", f"{exporter.module}@{exporter.version}"]
    return Path(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["Dir"])


if __name__ == "__main__":
    for job, exporter in EXPORTERS.items():
        metrics = sorted(names(_downloaded(exporter), exporter))
        source = f"# {exporter.module} {exporter.version}: {', '.join(exporter.folders)}"
        (FOLDER / f"{job}.txt").write_text("\n".join([source, *metrics]) + "\n")
