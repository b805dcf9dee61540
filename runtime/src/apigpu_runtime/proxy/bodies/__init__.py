"""What clients send: bodies in any form, and files."""
