"""Runs the flow: journal, then wire, then journal."""
