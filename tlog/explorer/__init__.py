"""The explorer: a page that proves in the browser what the log beside it says.

door        serves the files that a browser loads, which lie in `page/`
settings    whether the log serves them
"""
