"""The command line `apigpu`."""

from apigpu_runtime.cli.app import main

__all__ = ["main"]
