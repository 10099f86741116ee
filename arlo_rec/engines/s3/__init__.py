"""Objects in an S3 service."""
