"""Who may call: keys, sessions, rates."""
