"""What there is to call, as an OpenAPI document and as a page."""
