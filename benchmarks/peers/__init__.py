"""What others do of the same, beside ours: ``python -m benchmarks.peers --help``."""
