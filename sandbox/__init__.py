"""A fleet on one machine: real engine, real API servers and real Argo CD, with SIMULATED clouds and pods.

    __main__.py     the commands of `regions sandbox`
    lifecycle.py    starts and ends a sandbox
    environment.py  folders, plugins, and the environment of a shell
    ci_runner.py    SIMULATED CI: a job for each region whose branch moves
    demo/           the demo: regions, commits and a table of them
    clouds/         SIMULATED clouds, as Pulumi provider plugins
    githost/        a SIMULATED GitHub over real git
    supervisor/     the daemon: control planes, nodes, and the parts of a cluster that are SIMULATED
    provider_sdk/   the machinery under the provider plugins
    machine/        this machine: folders, errors, certificates, child processes
    toolchain/      finds or builds the binaries

The program imports nothing from this package.
"""
