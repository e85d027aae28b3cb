"""What every door is made of; no role is known here.

settings      where a server listens
body          a request's body, bounded in bytes and in time
connections   connections, bounded in number, and in time where nobody reads
problems      how errors are told over HTTP, by rows that each door brings
respond       query strings taken apart; JSON, cached bytes, conditional requests
listener      counts, answers errors, drains
"""
