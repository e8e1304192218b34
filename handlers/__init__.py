"""One package per door: bytes in, events out; effects in, vendor calls out."""
