"""Tests state requirements; they mirror the source."""
