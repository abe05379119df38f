"""Time as a tool: what the log can say about any moment, and how read models come back from it."""
