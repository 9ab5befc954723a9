"""A module that cannot be imported."""

raise SyntaxError("half a deploy")
