"""File-system mode: releases, bindings and workloads are written into a repository."""
