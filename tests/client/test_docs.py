"""The page's examples are run, and answer what the page says."""

from tests.pages import doctested, page

PAGE = page("python.md")


def test_the_page_of_the_client_shows_what_its_examples_answer(address: str) -> None:
    text = PAGE.replace("http://127.0.0.1:8000", address)
    assert text.count(address) == PAGE.count("127.0.0.1:8000") == 2
    tried, against = doctested(text)
    assert against == ""
    assert tried == PAGE.count("\n>>> ")
