"""The kinds of step: each decides what happens, none of them writes."""
