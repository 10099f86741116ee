"""arlo-rec keeps recordings of customer-service calls as consent, guidelines and the law allow.

The rooms of the house are described in docs/design.md; tests/whole/test_house.py holds them apart.
"""

__version__ = "0.1.0"
