"""What came over the wire is bounded before anything is decoded, and what is told of it names the field."""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from apigpu.errors import InputError, SetupError
from apigpu.registry import Registry, UrlResolver
from apigpu_runtime.execute import Machine, Prepared, prepare
from apigpu_runtime.job import job_request
from apigpu_runtime.settings import Settings
from cli_support import make
from scripted_server_support import Scripted, answer, scripted

pytestmark = pytest.mark.ffmpeg


@pytest.fixture(scope="module")
def machine() -> Machine:
    try:
        return Machine.found(Settings(environ=dict(os.environ)))
    except SetupError as error:
        pytest.skip(str(error))


def prepared(machine: Machine, server: Scripted, folder: Path, url: str, *resolvers: UrlResolver) -> Prepared:
    trusting = replace(machine, settings=replace(machine.settings, trusted_urls=(f"{server.url}/",)))
    fields = {"images": [{"image_url": url}], "duration": 1.0}
    request = job_request(Registry.discover(disabled=()), "img2vid", fields)
    if resolvers:
        request = replace(request, resolvers=resolvers)
    return asyncio.run(prepare(request, base=folder, machine=trusting, folder=folder))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says that it is so large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (bomb(60_000, 60_000), "too_large"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", ""),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", ""),
        (b"\x7fELF" + bytes(200), ""),
    ],
    ids=["pixels", "playlist", "concat", "program"],
)
def test_what_is_too_large_or_no_medium_is_refused_with_its_field(
    machine: Machine, tmp_path: Path, content: bytes, code: str
) -> None:
    with scripted(answer("200 OK", content)) as server, pytest.raises(InputError) as error:
        prepared(machine, server, tmp_path, f"{server.url}/photo.png?signature=secret")
    assert error.value.where == "images.0.image_url"
    assert error.value.code == (code or error.value.code)
    assert "secret" not in str(error.value)
    assert "root:" not in str(error.value)


def test_a_plugin_that_fails_to_read_a_link_is_a_warning_of_the_job(machine: Machine, tmp_path: Path) -> None:
    def broken(url: str) -> str | None:
        raise KeyError(url)

    make(tmp_path, "-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", "photo.png")
    photo = (tmp_path / "photo.png").read_bytes()
    with scripted(answer("200 OK", photo)) as server:
        found = prepared(machine, server, tmp_path, f"{server.url}/p.png", UrlResolver("bad", "acme", broken))
    assert [warning.code for warning in found.warnings] == ["resolver_failed"]
    assert found.warnings[0].message == "the plugin bad (acme) could not read an address: KeyError."


def test_a_share_link_is_fetched_from_where_its_plugin_says(machine: Machine, tmp_path: Path) -> None:
    make(tmp_path, "-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", "photo.png")
    with scripted(answer("200 OK", (tmp_path / "photo.png").read_bytes())) as server:
        good = UrlResolver("good", "acme", lambda url: f"{server.url}/direct.png")
        found = prepared(machine, server, tmp_path, "https://share.example/abc", good)
        assert server.requests[0].startswith("GET /direct.png ")
    assert list(found.files) == ["https://share.example/abc"]
