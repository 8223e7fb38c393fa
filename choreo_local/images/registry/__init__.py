"""A registry of our own: the distribution API of the Open Container Initiative, on one port.

Its blobs lie in the store that pulled images use too; names, tags and links lie in a folder of the
instance. What builds push is pulled from here without being copied.
"""
