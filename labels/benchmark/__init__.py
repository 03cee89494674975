"""Every rater against listeners, in one table that says under which protocol."""
