"""Something to do when another package is imported, without importing it."""

import importlib.abc
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from importlib.machinery import ModuleSpec
from types import ModuleType


def when_imported(name: str, do: Callable[[], None]) -> None:
    """Call `do` at once if a package has been imported, else right after it has been.

    Parameters
    ----------
    name : str
        Of a package at the top level.
    do : callable
    """
    if sys.modules.get(name) is not None:
        do()
    else:
        sys.meta_path.insert(0, _Watch(name, do=do))


def while_imported(name: str, enter: Callable[[], AbstractContextManager]) -> None:
    """Have a package imported within a context, unless it has been already.

    Parameters
    ----------
    name : str
        Of a package at the top level.
    enter : callable
        Makes the context.
    """
    if sys.modules.get(name) is None:
        sys.meta_path.insert(0, _Watch(name, enter=enter))


class _Watch(importlib.abc.MetaPathFinder):
    """Finds a package by the other finders, and changes how its loader executes it."""

    def __init__(
        self,
        name: str,
        do: Callable[[], None] = lambda: None,
        enter: Callable[[], AbstractContextManager] = nullcontext,
    ):
        self._name = name
        self._do = do
        self._enter = enter

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            self._follow(spec.loader)
        return spec

    def _follow(self, loader) -> None:
        execute = loader.exec_module

        def execute_and_do(module: ModuleType) -> None:
            with self._enter():
                execute(module)
            sys.meta_path.remove(self)
            # Of a version that is too old, whoever has imported it is to have it.
            with suppress(ImportError):
                self._do()

        loader.exec_module = execute_and_do
