"""How a process moves: one task in one transaction, whatever kind of node it is."""
