"""`python -m app.write_openapi PATH` writes the specification that the service serves."""

import json
import sys
from pathlib import Path

from app.main import create_app
from app.settings import Settings


def text() -> str:
    """The specification as it is committed."""
    specification = create_app(Settings.model_construct()).openapi()
    return json.dumps(specification, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
