"""The page's examples are run, and answer what the page says."""

import doctest

from tests.processes import ROOT

PAGE = (ROOT / "docs/python.md").read_text(encoding="utf-8")


def test_the_page_of_the_client_shows_what_its_examples_answer(address: str) -> None:
    """The page's three backquotes end an example's output, as an empty line does."""
    text = PAGE.replace("http://127.0.0.1:8000", address)
    assert text.count(address) == PAGE.count("127.0.0.1:8000") == 2
    examples = doctest.DocTestParser().get_doctest(text, {}, "docs/python.md", "docs/python.md", 0)
    told: list[str] = []
    failed, tried = doctest.DocTestRunner(verbose=False).run(examples, out=told.append)
    assert failed == 0, "".join(told)
    assert tried == PAGE.count("\n>>> ")
