"""The two wire protocols, pure: bytes in, values out; no sockets, no clock.

Used by the server and by the Python client alike.
"""
