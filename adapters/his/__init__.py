"""The hospital information system, by dialect."""
