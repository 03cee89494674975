"""Clean music -> reference clips -> degraded versions."""
