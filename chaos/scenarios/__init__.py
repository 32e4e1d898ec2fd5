"""The scenarios, one file each. Each makes its own hospital, does its worst to it, and fills a line of the table."""
