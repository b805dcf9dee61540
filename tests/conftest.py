"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real and hostile media; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("APIGPU_CORPUS", ROOT.parent / "shared" / "corpus"))
    if not folder.is_dir():
        pytest.skip("no corpus of media here: set APIGPU_CORPUS")
    return folder


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as everything else does."""
    return "asyncio"
