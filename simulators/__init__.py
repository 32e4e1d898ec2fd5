"""A card, a HIS, a centre: real wire protocols on real sockets, with fault knobs. Share no codec with the edges."""
