"""The edges: what the house says to strangers, and what strangers answer. No edge knows another."""
