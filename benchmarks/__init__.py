"""Speed against peers. Run one with ``python -m benchmarks NAME``, all with ``make bench``."""
