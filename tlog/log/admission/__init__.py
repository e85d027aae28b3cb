"""Who may submit, and how much.

settings   who may submit, how much, and in which forms
tokens   bearer tokens, stored hashed
tokens_file  read again when it changes
rates    one bucket for each client
shared_rates  the same, of several processes
opening   from settings to the gate
gate     the questions asked of a request, in order
first    the first entry of a log for Sigstore's clients
checks   what costs too much for the event loop: on threads, bounded
"""
