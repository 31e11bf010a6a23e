"""Pieces of the page: paragraphs, tables, sections, and the page around them. Every text is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape

from app.replay.style import STYLE


def paragraph(text: str, kind: str = "") -> str:
    return f"<p{f' class={kind!r}' if kind else ''}>{escape(text)}</p>\n"


def points(texts: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>\n" for text in texts)
    return f"<ul>\n{items}</ul>\n" if items else ""


def figures(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values that are read first."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>\n" for name, value in pairs)
    return f'<dl class="figures">\n{rows}</dl>\n'


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """The first cell of a row is its header; of the columns, the first `texts` are not numbers."""
    heads = "".join(f'<th scope="col"{_kind(at, texts)}>{_breakable(name)}</th>' for at, name in enumerate(header))
    body = "".join(f"<tr>{_cells(row, texts)}</tr>\n" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="Table: {escape(caption)}">\n'
        f"<table><caption>{escape(caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}</tbody></table>"
        "</div>\n"
    )


def _breakable(name: str) -> str:
    """Long names of columns break behind their underscores."""
    return escape(name).replace("_", "_<wbr>")


def _cells(row: Sequence[str], texts: int) -> str:
    first, *rest = row
    others = "".join(f"<td{_kind(at, texts)}>{escape(cell)}</td>" for at, cell in enumerate(rest, 1))
    return f'<th scope="row">{escape(first)}</th>{others}'


def _kind(at: int, texts: int) -> str:
    return "" if at < texts else ' class="number"'


def section(key: str, title: str, *parts: str) -> str:
    heading = f'<h2 id="{key}-heading">{escape(title)}</h2>'
    return f'<section id="{key}" aria-labelledby="{key}-heading">\n{heading}\n{"".join(parts)}</section>\n'


def page(title: str, lead: str, sections: Iterable[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n{paragraph(lead, 'lead')}{''.join(sections)}</main>\n</body>\n</html>\n"
    )
