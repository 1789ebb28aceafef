"""Vocabulary, rules and facts of identity resolution: pure, pydantic only.

Nothing here reads a clock, draws a random number or touches the world; time and ids are arguments.
"""
