"""Who may submit, and how much.

tokens   bearer tokens, stored hashed
rates    one bucket for each client
gate     the questions asked of a request, in order
checks   what costs too much for the event loop: on threads, bounded
"""
