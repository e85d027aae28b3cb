"""What every door is made of; no role is known here.

settings    where a server listens
problems    how errors are told over HTTP
respond     requests taken apart; JSON, cached bytes, conditional requests
listener    counts, answers errors, drains
"""
