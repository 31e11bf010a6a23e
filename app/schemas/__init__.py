"""The wire, and only the wire: pydantic models of requests and answers."""
