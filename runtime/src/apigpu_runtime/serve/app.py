"""`apigpu serve`, from its options to its end."""

from __future__ import annotations

import sys

from apigpu_runtime.proxy.access.authenticate import check_listen
from apigpu_runtime.proxy.access.keys import KeyStore
from apigpu_runtime.proxy.observing.logs import configure_logs
from apigpu_runtime.serve.house import House
from apigpu_runtime.serve.options import DataFolder, ServeOptions
from apigpu_runtime.serve.routes import house_app
from apigpu_runtime.serve.server import address_of, listening, serve_until_stopped
from apigpu_runtime.settings import Settings
from apigpu_runtime.trust import Trust

_EVERYWHERE = {"", "0.0.0.0", "::"}


def serve(options: ServeOptions, settings: Settings) -> int:
    """Serve until a signal comes. Raises InputError and SetupError for what cannot be served."""
    Trust.of(settings.trusted_urls, settings.webhook_hosts)  # what is wrong with them is told now
    configure_logs()
    folder = DataFolder.made(options.data_dir)
    with folder.held():
        keys = KeyStore(folder.keys)
        check_listen(options.host, keys)
        bound = listening(options.host, options.port)
        house = House(options, settings, folder, keys, address_of(bound))
        serve_until_stopped(house_app(house), bound, on_ready=lambda: _greet(house), on_stop=house.leave)
        keys.close()
    return 0


def _greet(house: House) -> None:
    operations = ", ".join(house.registry.operations) or "none: pip install apigpu-caption"
    lines = [
        f"apigpu serves at {house.address}",
        f"  playground  {house.public_url}/",
        f"  API         {house.public_url}/docs",
        f"  operations  {operations}",
        f"  rendering   {_renderers(house)}",
    ]
    if house.options.host in _EVERYWHERE and not house.options.public_url:
        lines.append(
            f"  NOTE        others are told addresses at {house.public_url}: --public-url names a better one"
        )
    lines += [f"  FAILED      {item.plugin} ({item.distribution}): {item.error}" for item in house.registry.failures]
    print("\n".join(lines), file=sys.stdout, flush=True)


def _renderers(house: House) -> str:
    if house.options.runpod:
        return f"RunPod endpoint {house.options.runpod}"
    if house.options.max_workers == 0:
        return f"workers that join: apigpu worker --join {house.public_url} --token KEY"
    return "workers of this machine"
