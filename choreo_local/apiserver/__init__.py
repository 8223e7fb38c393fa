"""The OpenChoreo API over HTTP: request in, use case called, answer out."""
