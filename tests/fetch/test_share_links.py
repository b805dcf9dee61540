"""Links that people copy out of file-sharing sites become links to the files, by a hook that any plugin can use."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from apigpu.errors import InputError
from apigpu.media.fields import MediaKind, MediaRef
from apigpu.registry import Registry, UrlResolver
from apigpu_runtime.fetch import fetch_all
from apigpu_runtime.job import job_request
from apigpu_runtime.resolving import direct_urls
from apigpu_runtime.settings import Settings
from apigpu_runtime.share_links import apigpu_resolve_url, page_remedy
from scripted_server_support import answer, scripted

ID = "1AbCdEfGhIjKlMnOpQrStUvWxYz012345"
DRIVE = f"https://drive.usercontent.google.com/download?id={ID}&export=download&confirm=t"


@pytest.mark.parametrize(
    ("link", "direct"),
    [
        (f"https://drive.google.com/file/d/{ID}/view?usp=sharing", DRIVE),
        (f"https://drive.google.com/file/d/{ID}", DRIVE),
        (f"https://drive.google.com/file/u/1/d/{ID}/preview", DRIVE),
        (f"https://drive.google.com/a/example.com/file/d/{ID}/edit", DRIVE),
        (f"https://drive.google.com/open?id={ID}&authuser=0", DRIVE),
        (f"https://drive.google.com/uc?export=download&id={ID}", DRIVE),
        (f"https://docs.google.com/uc?id={ID}", DRIVE),
        (f"https://DRIVE.google.com/open?id={ID}", DRIVE),
        (f"https://drive.google.com/file/d/{ID}/view?resourcekey=0-abc", f"{DRIVE}&resourcekey=0-abc"),
        ("https://www.dropbox.com/s/ab12/v.mp4?dl=0", "https://www.dropbox.com/s/ab12/v.mp4?dl=1"),
        ("http://dropbox.com/s/ab12/v.mp4", "https://dropbox.com/s/ab12/v.mp4?dl=1"),
        (
            "https://www.dropbox.com/scl/fi/ab/v%20x.mp4?rlkey=k1&st=s&raw=1&dl=0#t",
            "https://www.dropbox.com/scl/fi/ab/v%20x.mp4?rlkey=k1&st=s&dl=1",
        ),
        (
            "https://acme.sharepoint.com/:v:/s/team/Eabc?e=xyz",
            "https://acme.sharepoint.com/:v:/s/team/Eabc?e=xyz&download=1",
        ),
    ],
)
def test_a_share_link_becomes_the_link_to_the_file(link: str, direct: str) -> None:
    assert apigpu_resolve_url(link) == direct
    assert apigpu_resolve_url(direct) in {direct, None}


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/file/d/abc/view",
        f"https://drive.google.com.evil.example/file/d/{ID}/view",
        f"https://evil.example/?u=https://drive.google.com/file/d/{ID}/view",
        f"https://drive.google.com/drive/folders/{ID}",
        "https://drive.google.com/file/d/../../x",
        "https://drive.google.com/open?id=a%26b",
        "https://www.dropbox.com/sh/folder/abc?dl=0",
        "https://www.dropbox.com/home",
        "https://notdropbox.com/s/a/v.mp4?dl=0",
        "https://sharepoint.com/:v:/s/x",
        "https://[::1/file",
        "",
    ],
)
def test_every_other_address_is_left_as_it_is(url: str) -> None:
    assert apigpu_resolve_url(url) is None


def test_the_built_in_links_come_by_the_entry_point_that_everybody_has() -> None:
    registry = Registry.discover(disabled=())
    assert [item.plugin for item in registry.resolvers if item.distribution == "apigpu-runtime"] == ["share-links"]
    assert registry.failures == ()
    assert Registry.discover(disabled=["share-links"]).resolvers == ()
    fields = {"url_video": "https://example.com/a", "url_srt": "https://example.com/b"}
    assert job_request(registry, "caption", fields).resolvers == registry.resolvers
    steps = {"steps": [{"operation": "caption", **fields}]}
    assert job_request(registry, "pipeline", steps).resolvers == registry.resolvers


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"https://drive.google.com/file/d/{ID}/view", "Google Drive shows a page when the file is not shared"),
        ("https://www.dropbox.com/s/a/v.mp4", "Dropbox shows a page when"),
        ("https://acme.sharepoint.com/:v:/s/x/y", "Microsoft shows a page when"),
        ("https://example.com/v.mp4", "Use the direct link to the file."),
    ],
)
def test_a_page_in_place_of_a_file_is_explained_by_the_site_it_comes_from(url: str, words: str) -> None:
    assert page_remedy(url).startswith(words)


def refs(*urls: str) -> list[MediaRef]:
    return [MediaRef(f"images.{number}.image_url", MediaKind.IMAGE, url) for number, url in enumerate(urls)]


def resolver(name: str, answer: object) -> UrlResolver:
    def resolve(url: str) -> str | None:
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]

    return UrlResolver(name, f"acme-{name}", resolve)


def test_the_first_answer_counts_and_a_plugin_that_fails_stops_nobody() -> None:
    asked = [
        resolver("silent", None),
        resolver("broken", ValueError("http://user:secret@host/")),
        resolver("wrong", 5),
        resolver("local", "file:///etc/passwd"),
        resolver("good", "https://cdn.example/a.jpg"),
        resolver("late", "https://late.example/a.jpg"),
    ]
    found, notices = direct_urls(refs("https://share.example/a", "https://share.example/a", "photo.jpg"), asked)
    assert found == {"https://share.example/a": "https://cdn.example/a.jpg"}
    assert [notice.message for notice in notices] == [
        "the plugin broken (acme-broken) could not read an address: ValueError.",
        "the plugin wrong (acme-wrong) could not read an address: it gave no http(s) address.",
        "the plugin local (acme-local) could not read an address: it gave no http(s) address.",
    ]


def test_the_file_is_fetched_from_its_direct_address_and_messages_name_what_the_user_wrote(tmp_path: Path) -> None:
    shared = "https://share.example/a.jpg?key=secret"
    page = answer("200 OK", b"<!doctype html>")
    with scripted(answer("200 OK", b"photo"), page) as server:
        settings = Settings(trusted_urls=(f"{server.url}/",))
        direct = {shared: f"{server.url}/direct"}
        found = asyncio.run(fetch_all(refs(shared), base=tmp_path, folder=tmp_path, settings=settings, direct=direct))
        assert found[shared].read_bytes() == b"photo"
        with pytest.raises(
            InputError, match=r"^images\.0\.image_url: https://share\.example/a\.jpg gives a web page"
        ):
            asyncio.run(fetch_all(refs(shared), base=tmp_path, folder=tmp_path, settings=settings, direct=direct))


def test_what_a_plugin_answers_is_guarded_like_what_a_user_writes(tmp_path: Path) -> None:
    with scripted(answer("200 OK", b"secret")) as server:
        found, _ = direct_urls(refs("https://share.example/a"), [resolver("evil", f"{server.url}/latest")])
        with pytest.raises(InputError, match="it leads into a private network"):
            asyncio.run(
                fetch_all(
                    refs("https://share.example/a"),
                    base=tmp_path,
                    folder=tmp_path,
                    settings=Settings(),
                    direct=found,
                )
            )
        assert server.requests == []
