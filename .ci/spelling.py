"""American spellings in the prose of the repository, which is British.

Prose is what stands in Markdown, reStructuredText, docstrings and comments, but for code,
links and what is quoted. Keras's terms stay as they are: optimizer, initializer,
regularizer.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
AMERICAN = re.compile(
    r"""(?<! [-.] ) \b(
        (?! \w* (?: size | sizing ) | prize | seize )
        \w+ (?: iz | yz ) (?: e[ds]? | ing | ations? | able )
      | \w* (?: avior | avor | eighbor | olor | onor | umor ) (?: s | ed | ing | hood )?
      | (?: un )? (?: cancel | label | model | travel ) (?: ed | ing )
      | center (?: s | ed | ing )? | gray (?: s | er )? | catalogs? | fulfills?
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
# Code, links and quotations, each blanked out by as many lines.
NOT_PROSE = re.compile(
    r"""
      # a block of Markdown
        ^ (?P<fence> ```+ | ~~~+ ) .*? ^ (?P=fence)
      # a block of reStructuredText: a directive for code, or a literal block
      | ^ (?P<indent> [ ]* )
        (?: \.\. [ ] (?: code-block | math | plot ) :: | (?! [ ]* \.\. ) [^\n]* ::$ )
        [^\n]* \n
        (?: [ ]* \n | (?P=indent) [ ]+ [^\n]* (?: \n | \Z ) )*
      # names of parameters, in docstrings
      | ^ [ ]* \w+ (?: , [ ] \w+ )* [ ] :(?= [ ] )
      # a line of a session; literals and roles; titles, perhaps of two lines; links
      | ^ [ ]* (?: >>> | \.\.\. [ ] ) [^\n]*
      | `` .+? `` | ` [^`]+ `
      | " [^"\n]* (?: \n [^"\n]* )? " | (?<! \w ) ' \w+ '
      | https?:// \S+
      | \]\( [^)]* \)
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


def prose_of_text(text: str) -> str:
    """The text without what is not prose, of the same number of lines."""
    return NOT_PROSE.sub(lambda match: "\n" * match[0].count("\n"), text)


def prose_of_python(source: str) -> str:
    """The docstrings and comments, on their lines."""
    lines = [""] * (source.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0]] = prose_of_text(token.string)
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False):
            text = ast.get_source_segment(source, node.body[0]).strip('"r')
            for i, line in enumerate(prose_of_text(text).split("\n")):
                lines[node.body[0].lineno + i] += line
    return "\n".join(lines[1:])


def american(path: Path) -> Iterator[str]:
    """Each American spelling of a file, with its line."""
    text = path.read_text(encoding="utf-8")
    prose = prose_of_python(text) if path.suffix == ".py" else prose_of_text(text)
    for i, line in enumerate(prose.split("\n"), start=1):
        for match in AMERICAN.finditer(line):
            yield f"{path.relative_to(ROOT)}:{i}: {match[0]}"


def main() -> int:
    """The number of American spellings, which are printed."""
    patterns = ("*.md", "*.rst", "*.py")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    paths = [ROOT / name for name in sorted(listed.stdout.decode().splitlines())]
    found = [fault for path in paths if path.exists() for fault in american(path)]
    print(f"{len(paths)} files, {len(found)} American spellings", *found, sep="\n")
    return len(found)


if __name__ == "__main__":
    sys.exit(bool(main()))
