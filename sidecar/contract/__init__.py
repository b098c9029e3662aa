"""What the data side and the control side agree on: names, grants, events, frames and wire messages.

Only values, encoders and decoders live here. Nothing in this package does I/O, reads a clock or draws
randomness, and nothing in it imports another package of the project.
"""
