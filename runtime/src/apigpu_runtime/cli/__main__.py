"""`python -m apigpu_runtime.cli`: the program `apigpu` where no script of that name is installed."""

import sys

from apigpu_runtime.cli import main

sys.exit(main())
