"""From a running instance to the files with which its planes come up on clusters of their own.

`gathering` reads the instance, `plan` turns what it read into files (pure), `writer` writes them;
`reading` and `verify` judge such a folder, `importing` says what an empty instance makes of it.
"""
