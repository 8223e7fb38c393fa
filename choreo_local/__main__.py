"""`python -m choreo_local` is the `choreo` command."""

from choreo_local.cli.main import main

main()
