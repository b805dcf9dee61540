"""A real n8n runs our workflows against a real `apigpu serve`."""
