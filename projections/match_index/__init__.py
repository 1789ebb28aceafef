"""The match index: what a decision must see of every decision before it.

It is a projection like any other, with one difference: its rows are written in the transaction of the
events they follow from. Everything here is pure rows; the recorders write them, and a rebuild replays
the log into the same rows.
"""
