"""What the page's addresses answer."""

import re
from typing import Any

from app.sample import venue
from tests.processes import ROOT

PAGE = ROOT / "app" / "static" / "page"


def test_the_root_is_the_page_under_a_policy_without_exceptions(client: Any) -> None:
    answer = client.get("/", follow_redirects=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';")
    assert "unsafe" not in policy


def test_the_page_loads_only_from_the_service_and_has_nothing_inline(client: Any) -> None:
    text = client.get("/").text
    loaded = re.findall(r'(?:src|href)="([^"#][^"]*)"', text)
    assert len(loaded) >= 4
    for path in loaded:
        assert path.startswith("/")
        assert client.get(path).status_code == 200
    assert not re.search(r"<style| style=| on[a-z]+=|<script(?![^>]*src=)", text)


def test_every_module_that_is_imported_is_there_and_is_script(client: Any) -> None:
    modules = sorted(PAGE.rglob("*.js"))
    assert len(modules) > 10
    for module in modules:
        path = f"/static/{module.relative_to(PAGE.parent)}"
        answer = client.get(path)
        assert answer.headers["content-type"].startswith("text/javascript"), path
        for imported in re.findall(r'(?:from |import\()"(\.[^"]+)"', answer.text):
            assert (module.parent / imported).resolve().is_file(), f"{path}: {imported}"


def test_the_sample_venue_is_the_one_of_the_command(client: Any) -> None:
    answer = client.get("/examples/venue.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == venue()
