"""Mobile payment at the centre: a channel of its own, sealed, beside whatever dialect the counter speaks."""
