"""Find parts (codecs, raters, backbones, ...) by name, built-in ones and those of installed packages.

Packages offer parts through entry points, one group per kind; see docs/extending.md. Nothing is searched or imported
until a part is requested, and a broken package affects only requests for its parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from deepaq import extras
from deepaq.errors import UserError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
BUILT_IN = "built-in"


class Registry(Generic[T]):
    """The parts of one kind.

    noun: word for a part in messages. group: entry-point group. own: built-in parts, each as an object or as
    `module:attribute`, imported on request. accept: turns the object that a package offers under a name into a part;
    raises ValueError with the reason if it breaks the contract. extra: extra of deepaq for what built-in parts need.
    """

    def __init__(
        self, noun: str, group: str, own: Mapping[str, str | T], accept: Callable[[str, Any], T], extra: str = ""
    ) -> None:
        self.noun, self.group, self.own, self.accept, self.extra = noun, group, own, accept, extra
        self._loaded: dict[str, T] = {}

    @cached_property
    def _offers(self) -> dict[str, list[EntryPoint]]:
        """Offers of installed packages, by name."""
        from importlib.metadata import entry_points

        offers: dict[str, list[EntryPoint]] = {}
        for offer in sorted(entry_points(group=self.group), key=lambda offer: offer.name):
            offers.setdefault(offer.name, []).append(offer)
        return offers

    def __iter__(self) -> Iterator[str]:
        """Yield the names: built-in ones in their order, then the others sorted."""
        return iter([*self.own, *(name for name in self._offers if name not in self.own)])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self._offers

    def __getitem__(self, name: str) -> T:
        """Return the part called `name`; raises UserError if there is none or it is unusable."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> T:
        offers = self._offers.get(name, [])
        if name not in self:
            raise UserError(f"{self.noun} {name!r} is unknown; known are {', '.join(sorted(self))}")
        if len(offers) + (name in self.own) > 1:
            packages = " and ".join(map(_package, offers))
            taken = " and deepaq itself have" if name in self.own else " have"
            raise UserError(f"{self.noun} {name}: {packages}{taken} one of that name; uninstall {packages}")
        if not offers:
            return self.built_in(name)
        (offer,) = offers
        remedy = f"update or uninstall {_package(offer)}"
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
            raise UserError(f"{self.noun} {name}: a name is made of letters, digits, '.', '_' and '-'; {remedy}")
        try:
            part = offer.load()
        except (Exception, SystemExit) as error:  # a foreign module may raise anything on import
            raise UserError(f"{self.noun} {name}: cannot be imported ({_reason(error)}); {remedy}") from None
        called = getattr(part, "name", name)
        if called != name:
            raise UserError(f"{self.noun} {name}: calls itself {called!r}; {remedy}")
        try:
            return self.accept(name, part)
        except Exception as error:
            why = str(error) if isinstance(error, ValueError | UserError) else _reason(error)
            raise UserError(f"{self.noun} {name}: does not keep the contract ({why}); {remedy}") from None

    def built_in(self, name: str) -> T:
        """Return the built-in part called `name`, whatever installed packages offer."""
        own = self.own[name]
        if not isinstance(own, str):
            return own
        module, _, attribute = own.partition(":")
        try:
            part: T = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if found := extras.missing(error, f"{self.noun} {name}", self.extra):
                raise found from None
            raise
        return part

    def origin(self, name: str) -> str:
        """Origin of a part: `built-in`, or a package and its version."""
        found = [BUILT_IN] * (name in self.own) + [_package(offer) for offer in self._offers.get(name, [])]
        return " and ".join(found)

    def packages(self, names: Iterable[str]) -> dict[str, str]:
        """Versions, by package, of the installed packages that provide these parts, for provenance."""
        offers = [offer for name in names if name not in self.own for offer in self._offers.get(name, [])]
        return {offer.dist.name: offer.dist.version for offer in offers if offer.dist is not None}

    def listing(self, describe: Callable[[str, T], Mapping[str, str]]) -> dict[str, dict[str, str]]:
        """Facts about every part for people.

        Those of `describe`, then `from` (its origin) and `here` (yes, or the reason why it is unusable).
        """
        found = {}
        for name in self:
            try:
                facts = {"here": "yes", **describe(name, self[name])}
            except UserError as error:
                facts = {"here": str(error)}
            here = facts.pop("here")
            found[name] = {**facts, "from": self.origin(name), "here": here}
        return found

    @contextmanager
    def attributed(self, name: str) -> Iterator[None]:
        """Turn exceptions of a package's part into a UserError that names the package; built-in parts are exempt."""
        try:
            yield
        except (UserError, MemoryError):
            raise
        except Exception as error:
            if name in self.own or name not in self._offers:
                raise
            raise UserError(f"{self.noun} {name} of {self.origin(name)} failed ({_reason(error)})") from error


def check_class(part: Any, base: type, attributes: Iterable[str] = ()) -> None:
    """Raise ValueError unless `part` is a subclass of `base` without abstract methods and with these attributes."""
    if not (isinstance(part, type) and issubclass(part, base)):
        raise ValueError(f"is not a subclass of {base.__module__}.{base.__qualname__}")
    missing = [*getattr(part, "__abstractmethods__", ()), *(name for name in attributes if not hasattr(part, name))]
    if missing:
        raise ValueError(f"lacks {', '.join(sorted(missing))}")


def _package(offer: EntryPoint) -> str:
    return offer.value if offer.dist is None else f"{offer.dist.name} {offer.dist.version}"


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
