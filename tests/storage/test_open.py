"""The settings name a store, or an error says which there are; no secret is repeated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from apigpu.errors import InputError
from apigpu_runtime.settings import Settings
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.errors import StorageError
from apigpu_runtime.storage.folder import FolderStorage
from apigpu_runtime.storage.objects import ObjectStorage
from apigpu_runtime.storage.open import open_storage
from file_server_support import SECRET
from seaweed_support import BUCKET, Store

KEY = "jobs/j1/caption.mp4"


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def put(storage: Storage, content: bytes = b"x") -> None:
    asyncio.run(storage.put_stream(KEY, pieces(content), "video/mp4", max_bytes=100))


def test_left_out_it_is_the_folder_given_or_none(tmp_path: Path) -> None:
    assert open_storage(Settings()) is None
    found = open_storage(Settings(), folder=tmp_path / "files", base_url="http://here", secret=SECRET)
    assert isinstance(found, FolderStorage)
    put(found)
    assert (tmp_path / "files" / KEY).read_bytes() == b"x"


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "été 100%"
    found = open_storage(Settings(storage=folder.as_uri()), folder=tmp_path / "other")
    assert found is not None
    put(found)
    assert (folder / KEY).read_bytes() == b"x"
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    "text",
    "files /srv/files gs://bucket http://host/ s3:// s3://ab s3://user:secret@bucket s3://bucket?secret=1 "
    "s3://bucket#x file://elsewhere/x file:x file:// s3:bucket [::1 s3://[::1".split(),
)
def test_what_names_no_store_is_answered_with_those_that_there_are(text: str) -> None:
    with pytest.raises(InputError) as error:
        open_storage(Settings(storage=text))
    assert (error.value.code, error.value.where) == ("bad_setting", "APIGPU_STORAGE")
    assert "names no store. There are: s3://BUCKET or s3://BUCKET/PREFIX" in str(error.value)
    assert "secret" not in str(error.value)


def test_variables_that_make_no_sense_are_a_fault_of_the_setting() -> None:
    environ = {"AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "perhaps"}
    with pytest.raises(InputError, match="make no sense together"):
        open_storage(Settings(storage="s3://bucket", environ=environ))


def test_a_bucket_is_addressed_as_the_variables_say() -> None:
    """`signed` opens no connection, so no store is needed."""
    keys = {"AWS_ACCESS_KEY_ID": "K", "AWS_SECRET_ACCESS_KEY": "S", "AWS_REGION": "eu-central-1"}

    def url(**more: str) -> str:
        found = open_storage(Settings(storage="s3://bucket/a/b/", environ=keys | more))
        assert found is not None
        return found.signed("GET", KEY, expires_s=60).url

    assert url().startswith(f"https://s3.eu-central-1.amazonaws.com/bucket/a/b/{KEY}?")
    assert url(AWS_ENDPOINT_URL="http://minio:9000").startswith(f"http://minio:9000/bucket/a/b/{KEY}?")
    hosted = url(AWS_ENDPOINT_URL="https://bucket.r2.example", AWS_VIRTUAL_HOSTED_STYLE_REQUEST="true")
    assert hosted.startswith(f"https://bucket.r2.example/a/b/{KEY}?")
    assert "X-Amz-Security-Token=T" in url(AWS_SESSION_TOKEN="T")


def test_finished_files_of_a_bucket_come_from_the_public_address_too() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "K", "AWS_SECRET_ACCESS_KEY": "S"}
    settings = Settings(storage="s3://bucket/p", storage_public_url="https://cdn.example", environ=environ)
    found = open_storage(settings)
    assert found is not None
    assert found.signed("GET", KEY, expires_s=60).url == f"https://cdn.example/{KEY}"
    assert "X-Amz-Signature" in found.signed("GET", "jobs/j1/result.json", expires_s=60).url


def test_a_store_in_memory_serves_tests() -> None:
    storage = ObjectStorage(MemoryStore())
    put(storage, b"abc")
    assert asyncio.run(storage.read(KEY, max_bytes=3)) == b"abc"


def test_a_wrong_key_is_said_to_be_refused_and_neither_key_nor_address_is_told(s3: Store) -> None:
    environ = s3.environ(AWS_SECRET_ACCESS_KEY="wrong-secret")
    storage = open_storage(Settings(storage=f"s3://{BUCKET}", environ=environ))
    assert storage is not None
    with pytest.raises(StorageError) as error:
        put(storage)
    assert error.value.code == "storage_denied"
    assert error.value.message == "the object store refuses its credentials (SignatureDoesNotMatch)."
    assert "AWS_SECRET_ACCESS_KEY" in error.value.remedy
    told = f"{error.value} {error.value.__cause__}"
    assert "wrong-secret" not in told
    assert "http" not in told


def test_a_store_that_is_not_there_is_a_passing_failure(s3: Store) -> None:
    environ = s3.environ(AWS_ENDPOINT_URL="http://127.0.0.1:1")
    storage = open_storage(Settings(storage=f"s3://{BUCKET}", environ=environ))
    assert storage is not None
    with pytest.raises(StorageError, match="the object store failed") as error:
        put(storage)
    assert (error.value.code, error.value.retryable) == ("storage_failed", True)
