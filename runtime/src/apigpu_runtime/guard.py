"""The guard of outgoing requests: no address that a user gives leads into the private network."""
