"""Webhooks by Standard Webhooks: kept in the database, signed, tried for hours, listed when given up."""

from apigpu_runtime.proxy.webhooks.addresses import check_webhook_url
from apigpu_runtime.proxy.webhooks.routes import webhook_routes
from apigpu_runtime.proxy.webhooks.schema import MIGRATIONS
from apigpu_runtime.proxy.webhooks.service import EVENTS, Webhooks
from apigpu_runtime.proxy.webhooks.signing import signing_secrets, written_secret

__all__ = [
    "EVENTS",
    "MIGRATIONS",
    "Webhooks",
    "check_webhook_url",
    "signing_secrets",
    "webhook_routes",
    "written_secret",
]
