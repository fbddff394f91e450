"""The sandbox leaves no process behind after any end, and listens on this machine alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import psutil
import pytest

from sandbox import lifecycle
from sandbox.machine import supervisor_client
from sandbox.machine.home import CHECKOUT, Home
from sandbox.toolchain import build
from tests.waiting import within

CLUSTER = "aws/1/eu-west-1/tried"


@pytest.fixture
def own() -> Iterator[Home]:
    """A sandbox of this test's own."""
    home = Home(Path(mkdtemp(prefix="sp-", dir="/tmp")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_HOME", str(home.root))
        try:
            yield home
        finally:
            lifecycle.down(home)
            shutil.rmtree(home.root, ignore_errors=True)


def start(home: Home) -> None:
    """`sandbox up`."""
    lifecycle.up(home, build.ensure(lambda tool, done, total: None))


def processes(home: Home) -> list[psutil.Process]:
    """All processes of a sandbox: their command line or environment names its home. `info` outlives a process that ends."""
    members = []
    for process in psutil.process_iter(["name", "cmdline", "environ"]):
        arguments = [*(process.info["cmdline"] or []), (process.info["environ"] or {}).get("SANDBOX_HOME", "")]
        if process.pid != os.getpid() and any(str(home.root) in argument for argument in arguments):
            members.append(process)
    return members


def test_nothing_outlives_a_killed_supervisor_and_the_next_up_goes_on(own: Home) -> None:
    start(own)
    endpoint = supervisor_client.create_cluster(CLUSTER, "1.34").endpoint
    supervisor_client.set_node_pool(CLUSTER, "general", [supervisor_client.NodeSpec("node-1", "2", "8Gi")])
    assert len(processes(own)) >= 6
    os.kill(lifecycle.status(own)["pid"], signal.SIGKILL)
    assert within(60, lambda: processes(own) == []), processes(own)
    start(own)
    assert supervisor_client.create_cluster(CLUSTER, "1.34").endpoint == endpoint
    nodes = [str(own.bin / "kubectl"), "--kubeconfig", str(own.kubeconfig), "get", "nodes", "-o", "name"]
    assert subprocess.run(nodes, capture_output=True, text=True, check=True).stdout == "node/node-1\n"


def test_every_port_is_one_of_127_0_0_1(own: Home) -> None:
    start(own)
    supervisor_client.create_cluster(CLUSTER, "1.34")
    supervisor_client.set_node_pool(CLUSTER, "general", [supervisor_client.NodeSpec("node-1", "2", "8Gi")])
    listening = [
        (process.info["name"], connection.laddr.ip)
        for process in processes(own)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {name for name, _ in listening} >= {"etcd", "kube-apiserver", "kwok"}
    assert {address for _, address in listening} == {"127.0.0.1"}


@pytest.mark.parametrize(("number", "to_all", "code"), [(signal.SIGINT, True, 130), (signal.SIGTERM, False, 143)])
def test_a_demo_that_is_ended_leaves_no_process_and_down_gives_all_disk_back(
    own: Home, number: int, to_all: bool, code: int
) -> None:
    """Ctrl-C goes to all processes of the terminal. CI's signal goes to the first process alone."""
    command = [sys.executable, "-m", "sandbox", "demo", "--regions", "staging-aws-eu-west-1"]

    def listen() -> None:
        """Undo an inherited disposition: a shell's background job ignores SIGINT, and so would its children."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    demo = subprocess.Popen(
        command, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=listen
    )
    assert demo.stderr is not None
    for line in demo.stderr:
        if line.endswith(": pulumi up\n"):
            break
    assert within(60, lambda: any("kube-apiserver" in process.info["name"] for process in processes(own)))
    os.killpg(demo.pid, number) if to_all else os.kill(demo.pid, number)
    demo.stderr.read()
    assert demo.wait(60) == code
    assert within(60, lambda: processes(own) == []), processes(own)
    lifecycle.down(own)
    assert not own.root.exists()
