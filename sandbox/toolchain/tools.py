"""The tools: the module and version of each binary."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

MODULES = Path(__file__).parent / "modules"

GO_TOOLCHAIN = "go1.27.3"
"""The Go version of all builds. Argo CD 3.6 needs Go 1.27. Any Go from 1.21 downloads this version by itself."""


@dataclass(frozen=True)
class OnPath:
    """The condition under which a binary on PATH replaces a build."""

    arguments: tuple[str, ...]
    """The arguments with which the binary prints its version."""
    at_least: tuple[int, ...]
    """The oldest version that fits."""


@dataclass(frozen=True)
class Patch:
    """One edit of upstream's source, where upstream has no flag. The text before it occurs exactly once in the file."""

    module: str
    """The module's name in go.mod."""
    file: str
    before: str
    after: str


@dataclass(frozen=True)
class Tool:
    """One module of modules/, and its binaries."""

    module: str
    packages: dict[str, str]
    """Binary to Go package."""
    version: str
    """The version that the module's go.mod pins."""
    version_variables: tuple[str, ...] = ()
    """The Go variables with the version that the binaries print."""
    printed: str | None = None
    """The version that the binaries print, if it differs."""
    files: dict[str, str] | None = None
    """Further files of upstream, installed beside the binaries: name to `module@version//path`."""
    tags: tuple[str, ...] = ()
    """Go build tags."""
    on_path: OnPath | None = None
    cgo: bool = False
    """Whether the build needs a C compiler."""
    patches: tuple[Patch, ...] = ()
    """Edits of upstream's source before the build, all of one module."""

    @property
    def folder(self) -> Path:
        """The folder of go.mod and go.sum."""
        return MODULES / self.module

    @property
    def ldflags(self) -> str:
        """The linker's flags: no symbol table (a third of the size), and the version."""
        printed = self.printed or self.version
        return " ".join(["-s -w", *(f"-X {variable}={printed}" for variable in self.version_variables)])


KWOK_STAGES = (
    "node/fast/node-initialize.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
    "pod/fast/pod-ready.yaml",
)
_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
_PULUMI_KUBERNETES = "github.com/pulumi/pulumi-kubernetes/provider/v4"

TOOLS: tuple[Tool, ...] = (
    Tool(
        module="pulumi",
        packages={"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
        version="v3.200.0",
        version_variables=(f"{_PULUMI_SDK}/go/common/version.Version",),
        # The engine runs policy packs through it.
        files={"pulumi-analyzer-policy-python": f"{_PULUMI_SDK}@v3.200.0//python/dist/pulumi-analyzer-policy-python"},
    ),
    Tool(
        module="pulumi-language-python",
        packages={"pulumi-language-python": f"{_PULUMI_SDK}/python/cmd/pulumi-language-python"},
        version="v3.75.0",  # the last version inside the SDK's module. The module proxy has no module of its own
        version_variables=(f"{_PULUMI_SDK}/go/common/version.Version",),
        # The language host runs the program through this script, which must be in its own folder.
        files={"pulumi-language-python-exec": f"{_PULUMI_SDK}@v3.200.0//python/cmd/pulumi-language-python-exec"},
    ),
    Tool(
        module="pulumi-kubernetes",
        packages={"pulumi-resource-kubernetes": f"{_PULUMI_KUBERNETES}/cmd/pulumi-resource-kubernetes"},
        version="v4.0.0-20260115033456-f47bc2d6f199",  # the only version of the module proxy
        version_variables=(f"{_PULUMI_KUBERNETES}/pkg/version.Version",),
        # The engine asks for the version of the Python SDK.
        printed=version("pulumi-kubernetes"),
        # Upstream's release job removes line breaks from these two files and adds the version. The build embeds them as they are.
        patches=tuple(
            Patch(
                _PULUMI_KUBERNETES,
                "cmd/pulumi-resource-kubernetes/main.go",
                f"//go:embed {name}-embed.json",
                f"//go:embed {name}.json",
            )
            for name in ("schema", "terraform-mapping")
        ),
    ),
    Tool(
        module="etcd",
        packages={"etcd": "go.etcd.io/etcd/server/v3"},
        version="v3.7.3",
        on_path=OnPath(("--version",), (3, 6)),  # Debian's 3.4 breaks the watches of kwok and the scheduler
    ),
    Tool(
        module="kubernetes",
        packages={name: f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES},
        version="v1.36.3",
        version_variables=("k8s.io/component-base/version.gitVersion", "k8s.io/client-go/pkg/version.gitVersion"),
    ),
    Tool(
        module="kwok",
        packages={"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
        version="v0.8.0",
        # The stages of nodes and pods: kwok has none by default.
        files={path.rpartition("/")[2]: f"sigs.k8s.io/kwok@v0.8.0//kustomize/stage/{path}" for path in KWOK_STAGES},
    ),
    Tool(module="redis", packages={"sandbox-redis": "sandbox/redis"}, version="v2.40.0"),
    Tool(
        module="argo-workflows",
        packages={"workflow-controller": "github.com/argoproj/argo-workflows/v3/cmd/workflow-controller"},
        version="v3.7.14",
        version_variables=("github.com/argoproj/argo-workflows/v3.version",),
        # All programs of the sandbox listen on 127.0.0.1 only.
        patches=(
            Patch(
                "github.com/argoproj/argo-workflows/v3",
                "cmd/workflow-controller/main.go",
                'ListenAndServe(":6060"',
                'ListenAndServe("127.0.0.1:6060"',
            ),
        ),
    ),
    Tool(
        module="argocd",
        packages={"argocd": "github.com/argoproj/argo-cd/v3/cmd"},
        version="v3.6.1",
        version_variables=("github.com/argoproj/argo-cd/v3/common.version",),
        patches=tuple(
            Patch("github.com/argoproj/argo-cd/v3", file, f'{call}"0.0.0.0:%d"', f'{call}"127.0.0.1:%d"')
            for file, call in (
                ("controller/appcontroller.go", "metricsAddr := fmt.Sprintf("),
                ("cmd/argocd-notification/commands/argocd_notification.go", "http.ListenAndServe(fmt.Sprintf("),
            )
        ),
        # The repo-server runs this script for each commit. Upstream's image has the script on PATH.
        files={"git-verify-wrapper.sh": "github.com/argoproj/argo-cd/v3@v3.6.1//hack/git-verify-wrapper.sh"},
    ),
    # Tests of the alert rules and their routing use these two. gitops/pins/monitoring.json has the same versions.
    Tool(
        module="prometheus",
        packages={"promtool": "github.com/prometheus/prometheus/cmd/promtool"},
        version="v0.313.1",
        version_variables=("github.com/prometheus/common/version.Version",),
        tags=(
            "remove_all_sd",
            "enable_kubernetes_sd",
            "enable_dns_sd",
        ),  # only the service discoveries of the regions
    ),
    Tool(
        module="alertmanager",
        packages={"amtool": "github.com/prometheus/alertmanager/cmd/amtool"},
        version="v0.33.1",
        version_variables=("github.com/prometheus/common/version.Version",),
    ),
    # Only `make lint` uses this tool.
    Tool(
        module="actionlint",
        packages={"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"},
        version="v1.7.12",
        version_variables=("github.com/rhysd/actionlint.version",),
    ),
)

# `make lint-docs` uses this tool. A build on demand spares the sandbox a C compiler.
LINTERS: tuple[Tool, ...] = (
    Tool(
        module="vale",
        packages={"vale": "github.com/vale-cli/vale/v3/cmd/vale"},
        version="v3.22.0",  # v3.23.0 and later need a version of cascadia that the Go module proxy does not serve
        version_variables=("main.version",),
        cgo=True,  # its comment parsers are C
    ),
)
"""Tools that only a command with their name builds."""
