"""Pages for people: a form for every operation, jobs, and what to paste elsewhere."""
