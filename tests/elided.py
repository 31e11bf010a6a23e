"""JSON as pages show it: `...` stands for further members or items, the text "..." for any text."""

import json
import re
from collections.abc import Iterator
from typing import Any

_LEFT_OUT = "..."
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\.\.\.|[\[\]{}]')


def read(text: str) -> Any:
    """A `...` becomes a member or an item of that name."""
    opened: list[str] = []

    def told(token: "re.Match[str]") -> str:
        found = token[0]
        if found in ("[", "{"):
            opened.append(found)
        elif found in ("]", "}"):
            opened.pop()
        elif found == _LEFT_OUT:
            return '"...": null' if opened[-1] == "{" else '"..."'
        return found

    return json.loads(_TOKEN.sub(told, text))


def differences(shown: Any, answer: Any, at: str = "") -> Iterator[str]:
    """Where an answer is not what is shown of it; where nothing is left out although a page says so, too."""
    if isinstance(shown, dict) and isinstance(answer, dict):
        named = shown.keys() - {_LEFT_OUT}
        if (named < answer.keys()) if _LEFT_OUT in shown else (named == answer.keys()):
            for name in named:
                yield from differences(shown[name], answer[name], f"{at}/{name}")
        else:
            yield f"{at}: {sorted(shown)} is shown of {sorted(answer)}"
    elif isinstance(shown, list) and isinstance(answer, list):
        items = [item for item in shown if item != _LEFT_OUT]
        if (len(items) < len(answer)) if _LEFT_OUT in shown else (len(items) == len(answer)):
            for place, (item, found) in enumerate(zip(items, answer, strict=False)):
                yield from differences(item, found, f"{at}/{place}")
        else:
            yield f"{at}: {len(shown)} items are shown of {len(answer)}"
    elif not (shown == answer and type(shown) is type(answer)) and not (shown == _LEFT_OUT and isinstance(answer, str)):
        yield f"{at}: {json.dumps(shown)} is shown, {json.dumps(answer)} is so"
