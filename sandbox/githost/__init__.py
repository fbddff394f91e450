"""The sandbox's git host: a SIMULATED GitHub with one repository, over real git.

    __main__.py    serves the host on 127.0.0.1
    repository.py  the host on disk: the bare repository, ports, tokens and keys
    rest.py        the API: identities, permissions, rate limits, app tokens
    statuses.py    commit statuses
    pulls.py       pull requests and auto-merge
    issues.py      issues and comments
    git_http.py    git over http
    bare.py        merges in the bare repository
    numbers.py     the numbers of issues and pull requests
    shapes.py      the parts of requests and answers that all endpoints share

Nothing here is GitHub's own code. Each file names the page of docs.github.com that it follows.
"""
