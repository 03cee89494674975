"""Listening tests, and ratings of one's own, become rows and audio of a data set folder."""
