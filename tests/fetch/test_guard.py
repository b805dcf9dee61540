"""No URL of a user leads into a private network: nothing is even connected to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from httpcore2 import AnyIOBackend, AsyncNetworkStream
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from apigpu.errors import InputError
from apigpu_runtime.guard import AddressRefused, guarded_client
from apigpu_runtime.trust import Trust
from guard_support import Listener, Names, listening

pytestmark = pytest.mark.anyio

PRIVATE_HOSTS = {
    "loopback": "127.0.0.1",
    "loopback elsewhere": "127.9.8.7",
    "loopback 6": "[::1]",
    "metadata": "169.254.169.254",
    "decimal": "2130706433",
    "hexadecimal": "0x7f000001",
    "hexadecimal parts": "0x7f.0x0.0x0.0x1",
    "octal": "0177.0.0.1",
    "short": "127.1",
    "name": "localhost",
    "name with a dot": "localhost.",
    "upper case": "LOCALHOST",
    "this machine's name": socket.gethostname(),
    "mapped": "[::ffff:127.0.0.1]",
    "mapped metadata": "[::ffff:a9fe:a9fe]",
    "compatible": "[::127.0.0.1]",
    "6to4": "[2002:7f00:1::]",
    "teredo": "[2001:0:7f00:1::80ff:fffe]",
    "nat64": "[64:ff9b::7f00:1]",
    "zero": "0.0.0.0",
    "short zero": "0",
    "zero 6": "[::]",
    "ten": "10.0.0.1",
    "172": "172.16.0.1",
    "192": "192.168.1.1",
    "carrier": "100.64.0.1",
    "unique local": "[fd00::1]",
    "link local 6": "[fe80::1]",
    "site local": "[fec0::1]",
    "ietf": "192.0.0.1",
    "multicast": "224.0.0.1",
    "multicast 6": "[ff02::1]",
    "broadcast": "255.255.255.255",
    "circled digits": "①②⑦.0.0.①",
    "full width": "１２７.０.０.１",
    "ideographic dots": "127。0。0。1",
    "circled letters": "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
}


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.mark.parametrize("host", PRIVATE_HOSTS.values(), ids=PRIVATE_HOSTS)
async def test_no_way_to_write_a_private_host_makes_a_connection(host: str, listener: Listener) -> None:
    async with guarded_client() as client:
        with pytest.raises((AddressRefused, httpx2.InvalidURL, httpx2.ConnectError)) as refusal:
            await client.get(f"http://{host}:{listener.port}/latest?token=secret")
    assert listener.connections == 0
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_a_refusal_names_the_host_and_the_setting_that_would_allow_it(host: str) -> None:
    async with guarded_client() as client:
        with pytest.raises(AddressRefused) as refusal:
            await client.get(f"http://{host}:8000/a?b=c")
    bare = host.strip("[]")
    assert refusal.value.message == f"{bare} is not called: it leads into a private network."
    assert f"adding http://{host}:8000/ to APIGPU_TRUSTED_URLS." in refusal.value.remedy
    assert refusal.value.code == "address_refused"


async def test_a_refused_webhook_names_its_own_setting() -> None:
    async with guarded_client(setting="APIGPU_WEBHOOK_HOSTS") as client:
        with pytest.raises(AddressRefused, match=r"adding 127\.0\.0\.1:5678 to APIGPU_WEBHOOK_HOSTS"):
            await client.post("http://127.0.0.1:5678/webhook/x")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://user:pass@example.com/", "the URL carries a login. Use a signed link instead."),
        ("http://example.com@127.0.0.1/", "the URL carries a login."),
        ("http://example.com:22/", "port 22 is none that web servers use."),
        ("https://example.com:0/", "port 0 is none"),
        ("http://0177.0.1/", "is made only of digits and dots but is not a valid address"),
    ],
)
async def test_a_url_that_is_suspect_by_itself_is_refused_before_any_lookup(url: str, sentence: str) -> None:
    names = Names()
    async with guarded_client(resolver=names) as client:
        with pytest.raises(AddressRefused) as refusal:
            await client.get(url)
    assert sentence in str(refusal.value)
    assert names.asked == []


async def test_a_name_is_looked_up_once_and_the_address_that_was_checked_is_the_one_connected_to(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebinding name answers with a public address first, then with a private one."""
    connected: list[str] = []
    really_connect = AnyIOBackend.connect_tcp

    async def connect(self: AnyIOBackend, host: str, port: int, *args: Any) -> AsyncNetworkStream:
        connected.append(host)
        return await really_connect(self, "127.0.0.1", httpserver.port, *args)

    monkeypatch.setattr(AnyIOBackend, "connect_tcp", connect)
    httpserver.expect_request("/a", headers={"Host": "rebind.example"}).respond_with_data(
        b"public", headers={"Connection": "close"}
    )
    names = Names(rebind_example=["93.184.215.14", "127.0.0.1"])
    async with guarded_client(resolver=names) as client:
        assert (await client.get("http://rebind.example/a")).content == b"public"
        assert (connected, names.asked) == (["93.184.215.14"], ["rebind.example"])
        with pytest.raises(AddressRefused):
            await client.get("http://rebind.example/a")
    assert connected == ["93.184.215.14"]


async def test_a_name_with_one_private_address_among_public_ones_is_refused(listener: Listener) -> None:
    names = Names(mixed_example=["93.184.215.14 127.0.0.1"])
    async with guarded_client(resolver=names) as client:
        with pytest.raises(AddressRefused):
            await client.get(f"http://mixed.example:{listener.port}/")
    assert listener.connections == 0


async def test_an_unknown_host_is_an_error_of_the_network_and_no_refusal() -> None:
    def unknown(*args: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with guarded_client(resolver=unknown) as client:
        with pytest.raises(httpx2.ConnectError, match=r"there is no host nowhere\.example"):
            await client.get("http://nowhere.example/")


async def test_what_lies_below_a_trusted_url_is_reached_and_nothing_beside_it(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/files/a.mp4").respond_with_data(b"video")
    httpserver.expect_request("/filesystem").respond_with_data(b"secret")
    async with guarded_client(trusted_urls=[httpserver.url_for("/files")]) as client:
        assert (await client.get(httpserver.url_for("/files/a.mp4?signature=x"))).content == b"video"
        # The connection just used is alive, and must not serve these.
        for path in (
            "/filesystem",
            "/",
            "/files/../filesystem",
            "/files/%2e%2e/filesystem",
            "/files/..%2ffilesystem",
        ):
            with pytest.raises(AddressRefused):
                await client.get(httpserver.url_for("") + path[1:] if path == "/" else httpserver.url_for(path))
        with pytest.raises(AddressRefused):
            await client.get(httpserver.url_for("/files/a.mp4").replace("http://", "http://user@"))
    assert [request.path for request, _ in httpserver.log] == ["/files/a.mp4"]


async def test_a_trusted_host_is_reached_at_its_port_alone(httpserver: HTTPServer, listener: Listener) -> None:
    httpserver.expect_request("/hook").respond_with_data(b"ok")
    async with guarded_client(hosts=[f"{httpserver.host}:{httpserver.port}"]) as client:
        assert (await client.post(httpserver.url_for("/hook"))).status_code == 200
        with pytest.raises(AddressRefused):
            await client.post(f"http://{httpserver.host}:{listener.port}/hook")
    assert listener.connections == 0


async def test_a_redirect_into_the_private_network_is_refused_at_its_hop(
    httpserver: HTTPServer, listener: Listener
) -> None:
    target = f"http://127.0.0.1:{listener.port}/latest/meta-data"
    httpserver.expect_request("/out").respond_with_response(Response(status=302, headers={"Location": target}))
    async with guarded_client(trusted_urls=[httpserver.url_for("/")], follow_redirects=True) as client:
        with pytest.raises(AddressRefused):
            await client.get(httpserver.url_for("/out"))
    assert listener.connections == 0


async def test_a_redirect_to_another_origin_takes_no_secret_along(httpserver: HTTPServer) -> None:
    seen: list[dict[str, str]] = []

    def record(request: Request) -> Response:
        seen.append({name.lower(): value for name, value in request.headers.items()})
        return Response(b"here")

    with HTTPServer(port=0) as other:
        other.expect_request("/there").respond_with_handler(record)
        moved = Response(status=307, headers={"Location": other.url_for("/there")})
        httpserver.expect_request("/here").respond_with_response(moved)
        trusted = [httpserver.url_for("/"), other.url_for("/")]
        secrets = {"Authorization": "Bearer K", "X-API-Key": "K", "Cookie": "a=b", "Range": "bytes=5-"}
        async with guarded_client(trusted_urls=trusted, follow_redirects=True) as client:
            await client.get(httpserver.url_for("/here"), headers=secrets)
    assert seen[0]["range"] == "bytes=5-"
    assert seen[0]["host"] == f"{other.host}:{other.port}"
    assert not {"authorization", "x-api-key", "cookie"} & set(seen[0])


async def test_redirects_are_left_to_the_caller_unless_asked_for(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_response(Response(status=302, headers={"Location": "/b"}))
    async with guarded_client(trusted_urls=[httpserver.url_for("/")]) as client:
        assert (await client.get(httpserver.url_for("/a"))).status_code == 302


async def test_a_proxy_of_the_environment_is_not_used(
    httpserver: HTTPServer, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{listener.port}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{listener.port}")
    httpserver.expect_request("/a").respond_with_data(b"direct")
    async with guarded_client(trusted_urls=[httpserver.url_for("/")]) as client:
        assert (await client.get(httpserver.url_for("/a"))).content == b"direct"
    assert listener.connections == 0


@pytest.mark.parametrize(
    "text",
    "x minio:9000/videos http:// http://u:p@minio/ http://minio/?a=b http://minio/#a http://minio/%2e%2e/ "
    "ftp://minio/ http://minio/a%2fb http://[::1/ /files/".split(),
)
def test_a_trusted_url_that_is_none_is_a_fault_of_the_setting(text: str) -> None:
    with pytest.raises(InputError) as error:
        guarded_client(trusted_urls=[text])
    assert (error.value.code, error.value.where) == ("bad_setting", "APIGPU_TRUSTED_URLS")


@pytest.mark.parametrize("text", "n8n n8n: :80 n8n:0 n8n:99999 http://n8n:80 n8n:80/x a@n8n:80".split())
def test_a_webhook_host_that_is_none_is_a_fault_of_the_setting(text: str) -> None:
    with pytest.raises(InputError) as error:
        guarded_client(hosts=[text])
    assert (error.value.code, error.value.where) == ("bad_setting", "APIGPU_WEBHOOK_HOSTS")


PREFIXES = st.sampled_from(["http://store:9000/v/", "http://store:9000/v", "https://store/v/", "http://[::1]:8000/v"])
TAILS = st.text(st.sampled_from(list("abv.%2eEfF5c/\\;?#@:[]")) | st.characters(max_codepoint=0x2FF), max_size=30)


@given(PREFIXES, TAILS)
def test_whatever_follows_a_trusted_prefix_stays_below_it_as_any_server_reads_it(prefix: str, tail: str) -> None:
    try:
        url = httpx2.URL(prefix + tail)
    except httpx2.InvalidURL:
        return
    if Trust.of([prefix], []).covers(url):
        base = httpx2.URL(prefix)
        assert (url.scheme, url.host, url.port, url.userinfo) == (base.scheme, base.host, base.port, b"")
        assert url.path == "/v" or url.path.startswith("/v/")
        assert "/.." not in url.path
        assert "\\" not in url.path


@given(PREFIXES, st.text(st.characters(max_codepoint=0x2FF), min_size=1, max_size=10))
def test_no_login_or_longer_host_is_taken_for_a_trusted_origin(prefix: str, text: str) -> None:
    scheme, _, rest = prefix.partition("://")
    host, _, path = rest.partition("/")
    for candidate in (f"{scheme}://{host}{text}/{path}", f"{scheme}://{host}@{text}/{path}"):
        try:
            url = httpx2.URL(candidate)
        except httpx2.InvalidURL:
            continue
        if Trust.of([prefix], []).covers(url):
            assert (url.host, url.port) == (httpx2.URL(prefix).host, httpx2.URL(prefix).port)
