"""What goes with other packages; the core needs none of it."""
