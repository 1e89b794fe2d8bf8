"""The rule of releases, in the version, the changelog and the citation file.

Between releases the version ends in ``.dev0`` and what has changed stands under
"Unreleased". Any other version is a release: it has the first section after that one,
with its date. `CITATION.cff` names the latest release and its date, and none before the
first. Each section has its link at the bottom of the changelog.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def faults(version: str, changelog: str, citation: str) -> list[str]:
    """What is at odds with the rule."""
    found = []
    headings = re.findall(r"^## (.*)$", changelog, re.MULTILINE)
    dates: dict[str, str | None] = {}
    for heading in headings:
        match = re.fullmatch(r"\[([^\]]+)\](?: - (\d{4}-\d\d-\d\d))?", heading)
        if not match or (match[2] is None) != (match[1] == "Unreleased"):
            found.append(f"'## {heading}' is not '## [VERSION] - DATE'")
            continue
        dates[match[1]] = match[2]
        if not re.search(rf"^\[{re.escape(match[1])}\]: https://", changelog, re.M):
            found.append(f"[{match[1]}] has no link at the bottom")
    if not headings or headings[0] != "[Unreleased]":
        found.append("the first section is not '## [Unreleased]'")
    for kind in re.findall(r"^### (.*)$", changelog, re.MULTILINE):
        if kind not in KINDS:
            found.append(f"'### {kind}' is none of {', '.join(KINDS)}")

    latest = next((name for name in dates if name != "Unreleased"), None)
    if ".dev" not in version and version != latest:
        found.append(f"{version} is no dev version, but the latest section is {latest}")
    cited = dict(re.findall(r"^(version|date-released): (.*)$", citation, re.MULTILINE))
    cited = {name: value.strip("\"'") for name, value in cited.items()}
    expected = {"version": latest, "date-released": dates[latest]} if latest else {}
    if cited != expected:
        found.append(f"CITATION.cff has {cited}, and the latest release is {expected}")
    return found


def main() -> int:
    """The number of faults, which are printed."""
    source = (ROOT / "skdropout" / "_version.py").read_text(encoding="utf-8")
    version = re.search(r'__version__ = "(.*)"', source)[1]
    texts = [
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("CHANGELOG.md", "CITATION.cff")
    ]
    found = faults(version, *texts)
    print(f"version {version}, {len(found)} faults", *found, sep="\n")
    return len(found)


if __name__ == "__main__":
    sys.exit(bool(main()))
