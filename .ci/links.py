"""Links of the built documentation and of the repository's Markdown, without a network.

``python .ci/links.py FOLDER``: each relative link of the HTML files below the folder
leads to a file that is there, with its anchor, and so does each of the Markdown files to
a file of the repository. Links to elsewhere are looked at for their form alone.
"""

import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
_CODE = re.compile(r"^(```|~~~).*?^\1|``.*?``|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_INLINE_LINK = re.compile(r"\]\(([^)]*?)(?:\s+\"[^\"]*\")?\)")
_LINK_DEFINITION = re.compile(r"^\[[^\]]+\]:\s*(.+)$", re.MULTILINE)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


class _Page(HTMLParser):
    """The links and the anchors of an HTML page."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        self.links += [values[name] for name in ("href", "src") if values.get(name)]


class _Markdown:
    """The same of a Markdown file; what is code is no link."""

    def __init__(self, path: Path):
        text = _CODE.sub("", path.read_text(encoding="utf-8"))
        self.links = [
            link.strip().strip("<>")
            for pattern in (_INLINE_LINK, _LINK_DEFINITION)
            for link in pattern.findall(text)
        ]
        self.anchors = {
            re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
            for heading in _HEADING.findall(text)
        }


@cache
def _read(path: Path) -> _Page | _Markdown | None:
    kinds = {".html": _Page, ".md": _Markdown}
    return kinds[path.suffix](path) if path.suffix in kinds else None


def _fault(path: Path, link: str, top: Path) -> str | None:
    """What is wrong with a link of a file, if anything."""
    if link.startswith("data:"):
        return None
    if re.search(r"\s", link):
        return "has a space"
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None if parts.scheme == "https" and parts.netloc else "is not https"
    if parts.path.startswith("/"):
        return "is not relative"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir() and path.suffix == ".html":
        target /= "index.html"
    if not target.is_relative_to(top):
        return "leads out of the folder"
    if not target.exists():
        return "leads to no file"
    read = _read(target)
    if parts.fragment and read and unquote(parts.fragment) not in read.anchors:
        return "leads to no such anchor"
    return None


def check(paths: list[Path], top: Path) -> tuple[int, list[str]]:
    """How many links the files have, and the faults."""
    n_links, faults = 0, []
    for path in paths:
        for link in _read(path).links:
            n_links += 1
            if fault := _fault(path, link, top):
                faults.append(f"{path.relative_to(top)}: {link} {fault}")
    return n_links, faults


def main(folder: str) -> int:
    """The number of faults, which are printed."""
    html = Path(folder).resolve()
    # Below _static there are the theme's templates, too.
    pages = sorted(set(html.rglob("*.html")) - set(html.glob("_static/**/*.html")))
    texts = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
    all_faults = []
    for kind, paths, top in (("HTML", pages, html), ("Markdown", texts, ROOT)):
        n_links, faults = check(paths, top)
        print(f"{kind}: {n_links} links of {len(paths)} files, {len(faults)} wrong")
        if not paths:
            faults.append(f"no {kind} files below {top}")
        all_faults += faults
    print(*sorted(set(all_faults)), sep="\n")
    return len(all_faults)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(bool(main(sys.argv[1])))
