"""`python -m waves`: the commands of `regions`, without the sandbox."""

import sys

from fleet.console import main
from waves.cli.app import app

if __name__ == "__main__":
    sys.exit(main(app))
