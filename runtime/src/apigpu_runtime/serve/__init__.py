"""`apigpu serve`: proxy, plane and workers put together."""
