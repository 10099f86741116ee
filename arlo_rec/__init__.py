"""arlo-rec keeps recordings of customer-service calls as consent, guidelines and the law allow.

The packages are described in docs/design.md; tests/whole/test_house.py checks which may import which.
"""

__version__ = "0.1.0"
