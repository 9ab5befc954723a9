"""How fast the package is, beside floors written by hand: ``python -m benchmarks --help``."""
