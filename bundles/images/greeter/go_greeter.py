"""Answers as the greeter sample of OpenChoreo does: `./go-greeter --port 9090`, one plain line."""

import sys

import greeter

if __name__ == "__main__":
    greeter.main(sys.argv[1:], details=False)
