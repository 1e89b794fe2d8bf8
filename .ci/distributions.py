"""What the built distributions hold, and how a package index shows the README.

``python .ci/distributions.py FOLDER`` reads the one wheel and the one sdist there.
"""

import re
import sys
import tarfile
import zipfile
from email import message_from_string
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What tests read, and what explains the package, beside the package itself.
IN_SDIST = (
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "pyproject.toml",
)
FOLDERS = ("benchmarks", "docs", "examples", "skdropout", "tests")
# Hatchling adds it, as it says what is left out.
ADDED_BY_BUILD = {".gitignore"}
# What is built, cached or hidden; not of the sources, even where it lies among them.
JUNK = (
    "*.egg-info/*",
    "*.py[co]",
    ".*",
    ".*/*",
    "__pycache__/*",
    "dist/*",
    "docs/_build/*",
    "docs/auto_examples/*",
    "docs/generated/*",
    "docs/sg_execution_times.rst",
    "examples/*.png",
)


def sources() -> set[str]:
    """The files below the folders that an sdist has, as they lie here."""
    paths = {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    return paths - junk(paths)


def junk(names: set[str]) -> set[str]:
    """The names of junk."""
    return {name for name in names if any(fnmatch(f"/{name}", f"*/{p}") for p in JUNK)}


def faults_of_sdist(names: set[str]) -> list[str]:
    """What an sdist has too much or lacks, by the names within its folder."""
    names = names - ADDED_BY_BUILD
    return _differences("sdist", names, sources() | set(IN_SDIST))


def faults_of_wheel(names: set[str], info: str) -> list[str]:
    """The same of a wheel, whose metadata lie in the folder `info`."""
    package = {name for name in sources() if name.startswith("skdropout/")}
    of_info = {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL")}
    of_info.add(f"{info}/licenses/LICENSE")
    return _differences("wheel", names, package | of_info)


def _differences(kind: str, names: set[str], expected: set[str]) -> list[str]:
    return [
        *(f"the {kind} lacks {name}" for name in sorted(expected - names)),
        *(f"the {kind} has {name}" for name in sorted(names - expected)),
    ]


def faults_of_metadata(text: str) -> list[str]:
    """What a package index could not show, and what is claimed but not there."""
    metadata = message_from_string(text)
    readme = metadata.get_payload()
    prose = re.sub(r"```.*?```", "", readme, flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]*)", prose)
    found = [
        f"the README has the link {link}, which no package index resolves"
        for link in links
        if not link.startswith(("https://", "#"))
    ]
    if len(readme) < 1000:
        found.append("the metadata have no README")
    if "$HFPR" in readme or "/v/" in readme:
        found.append("the README's links lack the version")
    typed = "Typing :: Typed" in metadata.get_all("Classifier", [])
    if typed and not (ROOT / "skdropout" / "py.typed").exists():
        found.append("types are claimed, but there is no skdropout/py.typed")
    return found


def main(folder: str) -> int:
    """The number of faults, which are printed."""
    (wheel,) = Path(folder).glob("*.whl")
    (sdist,) = Path(folder).glob("*.tar.gz")
    top = sdist.name.removesuffix(".tar.gz")
    info = f"{top}.dist-info"
    with tarfile.open(sdist) as archive:
        in_sdist = {m.name.removeprefix(f"{top}/") for m in archive if m.isfile()}
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {name for name in archive.namelist() if not name.endswith("/")}
        metadata = archive.read(f"{info}/METADATA").decode()
    found = [
        *faults_of_sdist(in_sdist),
        *faults_of_wheel(in_wheel, info),
        *faults_of_metadata(metadata),
    ]
    print(f"{sdist.name}: {len(in_sdist)} files; {wheel.name}: {len(in_wheel)} files")
    print(*found, sep="\n")
    return len(found)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(bool(main(sys.argv[1])))
