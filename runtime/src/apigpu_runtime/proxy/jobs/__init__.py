"""Jobs: taken, handed on, followed and told; whatever is killed in between."""
