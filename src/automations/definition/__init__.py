"""What a process is: nodes, the arrows between them, and what is wrong with them."""
