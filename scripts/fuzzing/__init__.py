"""Fuzzing: engines are told stories that are made from any bytes at all, and must keep their promises."""
