"""choreo: a complete OpenChoreo platform on a laptop, in one Python process."""

__version__ = "0.1.0"
