"""What every page tells the browser not to do."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from apigpu_runtime.storage import Storage


def security_headers(media_origins: Sequence[str] = ()) -> dict[str, str]:
    """Headers of a page that loads nothing from elsewhere, except videos and pictures from `media_origins`."""
    media = " ".join(["'self'", "blob:", *media_origins])
    policy = {
        "default-src": "'none'",
        # The graph is drawn by Graphviz, which is WebAssembly.
        "script-src": "'self' 'wasm-unsafe-eval'",
        "style-src": "'self'",
        "img-src": media,
        "media-src": media,
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }


def media_origins(storage: Storage | None, public_url: str = "") -> list[str]:
    """The origins that a store's files are read from: of its signed addresses, and of `public_url` if it has one."""
    signed = storage.signed("GET", "jobs/any/video.mp4", expires_s=60).url if storage else ""
    parts = [urlsplit(url) for url in (signed, public_url) if url]
    return list(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts))
