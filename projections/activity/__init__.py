"""The activity read model: who wrote how much, day by day, and when last. It follows the log."""
