"""The commands of `regions`, one file a topic: they parse, call and print. The packages beside this one do the work."""
