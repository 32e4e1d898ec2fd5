"""Codes that only their issuer can read: asked over HTTP who shows one."""
