"""Packages whose ``__init__`` runs when it is needed, and not because one of their modules is imported.

The model's client has hundreds of packages and modules that its own code names one by one, but each package imports all
that is in it: of 3,000 modules 2,000 are never asked for. Python's ``LazyLoader`` does not help with packages, since it
runs them as soon as a module of theirs is looked for.
"""

from __future__ import annotations

import ast
import sys
from functools import cached_property
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec


def defer(package: str) -> None:
    """From now on, packages under ``package``, itself included, run when a name is wanted that no module of theirs has.

    Every name can be had as before: one that ``__init__`` takes over from a module of the package is looked up there;
    for any other, ``__init__`` runs. What is imported already stays as it is.
    """
    if not any(isinstance(finder, _Finder) and finder.package == package for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(package))


class _Finder(MetaPathFinder):
    """Finds the package and what is under it, as Python does, and gives the packages among it our loader."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.package and not fullname.startswith(f"{self.package}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.submodule_search_locations and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Makes a package without running it."""

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = _Package

    def run(self, module: ModuleType) -> None:
        """Run ``__init__`` after all."""
        module.__class__ = ModuleType
        super().exec_module(module)

    @cached_property
    def taken_over(self) -> Mapping[str, tuple[str, str]]:
        """What ``__init__`` takes over from modules of its package: by name, the module and its name there."""
        statements = ast.parse(self.get_data(self.path)).body
        return {
            one.asname or one.name: (f"{self.name}.{statement.module}", one.name)
            for statement in statements
            if isinstance(statement, ast.ImportFrom) and statement.level == 1 and statement.module
            for one in statement.names
            if one.name != "*"
        }


class _Package(ModuleType):
    """A package that has not run; Python asks ``__getattr__`` for what is not there yet."""

    def __getattr__(self, name: str) -> object:
        loader = self.__spec__.loader if self.__spec__ else None
        assert isinstance(loader, _Loader)  # noqa: S101 - it made us
        if name in loader.taken_over:
            module, original = loader.taken_over[name]
            value = getattr(import_module(module), original)
            setattr(self, name, value)
            return value
        if name.startswith("__") and name != "__all__":  # Python itself tries for some that few modules have
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if find_spec(f"{self.__name__}.{name}"):
            return import_module(f"{self.__name__}.{name}")
        loader.run(self)
        return getattr(self, name)
