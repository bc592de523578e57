"""What is measured: times and memory, sides in turn on one machine."""
