"""What an index shows of the package: no link of it leads nowhere."""

import re
import tomllib

from .pages import DOCS, README, ROOT, anchor, headings

CONFIGURED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SUBSTITUTIONS = CONFIGURED["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"][
    "substitutions"
]
HOME = CONFIGURED["project"]["urls"]["Documentation"]


def _links():
    """The links of the README as the metadata has them."""
    text = README.read_text("utf-8")
    for rule in SUBSTITUTIONS:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    return re.findall(r"\]\(([^)]+)\)", text)


def test_the_readme_has_absolute_links_where_it_is_alone():
    """In the metadata each link is absolute, or leads to a heading of the README itself."""
    relative = [link for link in _links() if not re.match(r"https?://", link)]
    own = {f"#{anchor(heading)}" for heading in headings(README)}
    assert set(relative) <= own


def test_the_readmes_links_lead_to_pages_of_the_site():
    """Each link to the site is one of its pages, pictures and headings."""
    assert HOME.endswith("/")
    here = [link.removeprefix(HOME) for link in _links() if link.startswith(HOME)]
    assert len(here) > 5
    for link in here:
        path, _, place = link.partition("#")
        if path.startswith("_static/"):
            assert (DOCS / "pictures" / path.removeprefix("_static/")).is_file(), link
            continue
        page = DOCS / path.replace(".html", ".md")
        assert page.is_file(), link
        assert not place or place in map(anchor, headings(page)), link


def test_every_address_is_below_the_projects_home():
    """The addresses of the project are told in one place, and have one beginning."""
    assert all(url.startswith(HOME) for url in CONFIGURED["project"]["urls"].values())
