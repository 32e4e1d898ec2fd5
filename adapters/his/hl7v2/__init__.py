"""HL7 v2 over MLLP: register, post charges."""
