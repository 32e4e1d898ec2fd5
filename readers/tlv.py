"""Tag-length-value records, pure."""
