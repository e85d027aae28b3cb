"""Who may submit, and how much.

tokens   bearer tokens, stored hashed
rates    one bucket for each client
gate     the questions asked of a request, in order
"""
