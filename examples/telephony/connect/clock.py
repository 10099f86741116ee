"""A Lambda function for Amazon Connect: the time at which it is called, as a flow has no clock of its own."""

from datetime import UTC, datetime


def handler(event: object, context: object) -> dict[str, str]:
    """Answer `$.External.now`: UTC, in milliseconds."""
    return {"now": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")}
