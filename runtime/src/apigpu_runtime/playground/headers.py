"""What every page tells the browser not to do."""

from __future__ import annotations

from collections.abc import Sequence


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
