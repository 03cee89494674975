"""Clean music -> reference clips -> degraded clips."""
