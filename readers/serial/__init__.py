"""Readers on a serial port: second-generation id cards, bar codes, codes on a screen, magnetic stripes."""
