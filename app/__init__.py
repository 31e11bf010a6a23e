"""The allocation service over HTTP."""

__version__ = "0.1.0"
