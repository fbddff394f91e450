"""The commands of `regions`, one file a topic. They parse, call and print. The packages beside this one do the work."""
