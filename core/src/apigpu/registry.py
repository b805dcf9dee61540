"""Discovery: every installed plugin is loaded by itself, so that a broken one hurts nobody and is never silent."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

import pluggy

from apigpu import hooks
from apigpu.errors import InputError
from apigpu.operations import Operation

GROUP = "apigpu"
DISABLED_VARIABLE = "APIGPU_DISABLED_PLUGINS"
RESERVED_NAMES = frozenset({"pipeline", "jobs"})
RESERVED_FIELDS = frozenset({"operation", "steps", "output", "webhook_url", "dry_run", "facts", "apigpu"})
"""What a request says beside the operation's own fields, which must leave these names free."""


@dataclass(frozen=True)
class Failure:
    """A plugin that could not be used: its entry point, its distribution and what went wrong."""

    plugin: str
    distribution: str
    error: str


@dataclass(frozen=True)
class UrlResolver:
    """A plugin that knows where the files behind some links lie. `resolve` may raise anything."""

    plugin: str
    distribution: str
    resolve: Callable[[str], str | None]


@dataclass(frozen=True)
class Registry:
    """The operations at hand, by name, the plugins that failed, and those that resolve links, in order of names."""

    operations: Mapping[str, Operation] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    resolvers: tuple[UrlResolver, ...] = ()

    @classmethod
    def discover(cls, *, disabled: Iterable[str] | None = None) -> Registry:
        """Load every plugin of the entry-point group `apigpu`.

        `disabled` names plugins to leave out; by default those that APIGPU_DISABLED_PLUGINS lists, separated
        by commas. Never raises for a plugin's sake: see `failures`.
        """
        if disabled is None:
            disabled = os.environ.get(DISABLED_VARIABLE, "").split(",")
        off = {name.strip() for name in disabled}
        points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, _distribution(point)[0]))
        return cls.of(point for point in points if point.name not in off)

    @classmethod
    def of(cls, points: Iterable[EntryPoint]) -> Registry:
        """A registry of just these plugins."""
        loading = _Loading()
        for point in points:
            loading.load(point)
        return cls(
            MappingProxyType(dict(sorted(loading.operations.items()))),
            tuple(loading.failures),
            tuple(loading.resolvers),
        )

    def get(self, name: str) -> Operation:
        """The operation of that name. Raises InputError that suggests the nearest name."""
        if name in self.operations:
            return self.operations[name]
        near = difflib.get_close_matches(name, self.operations, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(self.operations) or 'none'}."
        broken = next((item for item in self.failures if item.plugin == name), None)
        if broken is not None:
            hint = f"Its plugin failed to load: {broken.error}"
        raise InputError(f"there is no operation {name!r}.", code="unknown_operation", remedy=hint)


@dataclass
class _Loading:
    operations: dict[str, Operation] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    resolvers: list[UrlResolver] = field(default_factory=list)
    _claims: dict[str, list[str]] = field(default_factory=dict)

    def load(self, point: EntryPoint) -> None:
        distribution, version = _distribution(point)
        try:
            manager = _manager_of(point)
            found = _operations_of(manager)
        except Exception as error:  # a border: whatever a stranger's module raises is reported, not passed on
            self._fail(point, distribution, f"{type(error).__name__}: {error}")
            return
        if _resolves(manager):
            self.resolvers.append(UrlResolver(point.name, distribution, _resolve_by(manager)))
        for item in found:
            self._add(point, replace(item, distribution=distribution, version=version))

    def _add(self, point: EntryPoint, item: Operation) -> None:
        claims = self._claims.setdefault(item.name, [])
        claims.append(item.distribution)
        taken = sorted(RESERVED_FIELDS & set(item.input.model_fields))
        if item.name in RESERVED_NAMES:
            self._fail(point, item.distribution, f"the name {item.name!r} is apigpu's own.")
        elif taken:
            names = ", ".join(taken)
            self._fail(point, item.distribution, f"operation {item.name}: the field names {names} are apigpu's own.")
        elif len(claims) == 1:
            self.operations[item.name] = item
        else:
            self.operations.pop(item.name, None)
            who = " and ".join(claims)
            self._fail(point, item.distribution, f"{who} claim the operation {item.name!r}; none of them is used.")

    def _fail(self, point: EntryPoint, distribution: str, error: str) -> None:
        self.failures.append(Failure(point.name, distribution, error))


def _manager_of(point: EntryPoint) -> pluggy.PluginManager:
    # A manager for each plugin: pluggy aborts the whole hook call when one implementation raises, and some
    # releases leave a plugin half registered when its signature is wrong.
    manager = pluggy.PluginManager("apigpu")
    manager.add_hookspecs(hooks)
    manager.register(point.load(), name=point.name)
    manager.check_pending()
    return manager


def _resolves(manager: pluggy.PluginManager) -> bool:
    return bool(manager.hook.apigpu_resolve_url.get_hookimpls())


def _resolve_by(manager: pluggy.PluginManager) -> Callable[[str], str | None]:
    call: Callable[..., str | None] = manager.hook.apigpu_resolve_url
    return lambda url: call(url=url)


def _operations_of(manager: pluggy.PluginManager) -> list[Operation]:
    call: Callable[[], list[Iterable[Operation]]] = manager.hook.apigpu_operations
    found = [item for result in call() for item in result]
    if not found and not _resolves(manager):
        raise TypeError("it implements no apigpu_operations hook; mark the function with @hookimpl")
    for item in found:
        if not isinstance(item, Operation):
            raise TypeError(f"apigpu_operations gave {item!r}; decorate the function with @operation(name)")
    return found


def _distribution(point: EntryPoint) -> tuple[str, str]:
    if point.dist is None:
        return ("(unknown distribution)", "")
    return (point.dist.name, point.dist.version)
