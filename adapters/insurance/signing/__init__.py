"""Who we are to a gateway and to the centre: signatures of headers, of the envelope and of the voucher channel."""
