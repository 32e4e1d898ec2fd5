"""The socket door: JSON-RPC 2.0, one message a line, on a Unix socket and on TCP."""
