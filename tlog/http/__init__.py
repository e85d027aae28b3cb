"""What every door is made of; no role is known here.

settings      where a server listens
exchange      one request and its answer, whichever way it came in
body          a request's body, bounded in bytes and in time
problems      how errors are told over HTTP, by rows that each door brings
respond       query strings taken apart; JSON, cached bytes, conditional requests
status        one page for people, with pictures and without script
answers       what each answer gets: errors told, counts, CORS
connections   connections, bounded in number, and in time where nobody reads
accepting     connections that wait to be accepted, many at a time
recogniser    requests of the plainest form, told from all others
lean_door     hot routes by their paths, and their answers as bytes
lean          the lean way in: hot requests of that form, in front of aiohttp
listener      listens, lets requests in by both ways, drains
"""
