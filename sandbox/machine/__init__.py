"""This machine's side of the sandbox.

    home.py               the folders of a sandbox
    errors.py             errors for people
    files.py              removes folders of other programs
    images.py             names of container images
    processes.py          child processes
    supervisor_client.py  calls of the supervisor
    trust.py              certificate authorities

The other packages of the sandbox import this one.
"""
