"""Pictures of a definition, from the definition alone: nothing is executed, nothing is read."""
