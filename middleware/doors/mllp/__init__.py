"""The HL7 door: messages of the HIS over MLLP, acknowledged when they are durable, byte for byte as they came."""
