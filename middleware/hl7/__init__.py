"""HL7 v2 as bytes: MLLP blocks, a lossless codec, charsets, acknowledgements. Pure; door and HIS adapter share it."""
