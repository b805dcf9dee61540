"""The public face: routes made from the registry, jobs that are never lost, keys, webhooks."""
