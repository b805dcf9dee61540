"""Signatures by Standard Webhooks, and the headers of the first apigpu beside them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from standardwebhooks import Webhook

from apigpu.errors import InputError
from apigpu_runtime.settings import Settings

_PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64


def signing_secrets(settings: Settings, made: bytes) -> tuple[str, ...]:
    """The secrets that sign, the newest first: those of APIGPU_WEBHOOK_SECRET, else the one that this server `made`.

    Raises InputError for one that is none.
    """
    return tuple(map(_checked, settings.webhook_secret.split())) or (written_secret(made),)


def written_secret(made: bytes) -> str:
    """As receivers need it: `whsec_...`."""
    return _PREFIX + base64.b64encode(made).decode("ascii")


def signed_headers(
    secrets: Sequence[str], body: str, *, message_id: str, now_s: float, job_id: str = "", status: str = ""
) -> dict[str, str]:
    """All headers of a message. Receivers take any of the signatures, so that secrets can be changed in peace."""
    sent_at = datetime.fromtimestamp(int(now_s), UTC)
    signatures = [Webhook(secret).sign(message_id, sent_at, body) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": f"apigpu/{version('apigpu-runtime')}",
        # Without it httpx2 offers compressions, which only cost time on an answer that nobody reads.
        "Accept-Encoding": "identity",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now_s)),
        "webhook-signature": " ".join(signatures),
        "X-Webhook-JobId": job_id,
        "X-Webhook-Status": status,
        "X-Webhook-Timestamp": sent_at.isoformat().replace("+00:00", "Z"),
        "X-Webhook-Signature": f"sha256={hmac.new(secrets[0].encode(), body.encode(), hashlib.sha256).hexdigest()}",
    }


def _checked(secret: str) -> str:
    try:
        size = len(base64.b64decode(secret.removeprefix(_PREFIX), validate=True))
    except (ValueError, binascii.Error):
        size = 0
    if not secret.startswith(_PREFIX) or not _LEAST_BYTES <= size <= _MOST_BYTES:
        raise InputError(
            f"needs secrets of the form whsec_BASE64, each of {_LEAST_BYTES} to {_MOST_BYTES} bytes.",
            code="bad_setting",
            where="APIGPU_WEBHOOK_SECRET",
            remedy="Leave it out, and one is made.",
        )
    return secret
