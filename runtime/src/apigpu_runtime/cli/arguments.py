"""From the words of a command line to a checked request, and the options beside it."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from apigpu.errors import InputError
from apigpu.operations import Operation
from apigpu.registry import Registry, UrlResolver
from apigpu_runtime.cli.flags import INDEX, Flag, flags_of
from apigpu_runtime.cli.parser import Parser
from apigpu_runtime.cli.values import data_of
from apigpu_runtime.request import JobRequest, pipeline_request, single_request

PIPELINE = "pipeline"
_MAX_DOCUMENT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Job:
    """What the user asked for: the request, the folder that its paths start from, and the other options."""

    request: JobRequest
    base: Path
    options: argparse.Namespace
    document: Path | None = None


AddOptions = Callable[[argparse._ActionsContainer], None]


def parse_job(command: str, words: Sequence[str], registry: Registry, summary: str, add_options: AddOptions) -> Job:
    """A job from `OPERATION --field value ...` or `pipeline FILE.json`, and the command's own options.

    Raises InputError. Prints help and ends the program where that is asked for.
    """
    name = words[0] if words else "--help"
    if name in {"-h", "--help"}:
        _print_overview(command, registry, summary)
        raise SystemExit(0 if words else 2)
    if name == PIPELINE:
        return _pipeline_job(command, words[1:], registry, add_options)
    if name.startswith("-"):
        raise InputError(
            f"the operation comes first, not {name}.",
            code="usage",
            remedy=f"Write apigpu {command} OPERATION {name} ...; apigpu operations lists them.",
        )
    return _operation_job(command, words[1:], registry.get(name), add_options, registry.resolvers)


def _print_overview(command: str, registry: Registry, summary: str) -> None:
    width = max((len(name) for name in [*registry.operations, PIPELINE]), default=0)
    print(f"usage: apigpu {command} OPERATION --field value ...\n       apigpu {command} pipeline FILE.json\n")
    print(f"{summary}\n\noperations:")
    for operation in registry.operations.values():
        print(f"  {operation.name:{width}}  {operation.summary}")
    print(f"  {PIPELINE:{width}}  Several operations as one graph with one encode.")
    print(f"\nThe fields of an operation: apigpu {command} OPERATION --help")


def _operation_job(
    command: str,
    words: Sequence[str],
    operation: Operation,
    add_options: AddOptions,
    resolvers: tuple[UrlResolver, ...],
) -> Job:
    found = flags_of(operation.input)
    parser = Parser(
        prog=f"apigpu {command} {operation.name}",
        usage=" ".join([f"apigpu {command} {operation.name}", *_required(found), "[options]"]),
        description=operation.summary,
        epilog="A path serves wherever an address is asked for. JSON serves for lists and nested fields.",
    )
    group = parser.add_argument_group(f"fields of {operation.name}")
    add_options(parser.add_argument_group("options of the command"))
    taken = set(parser._option_string_actions)
    flags = {_free(flag.option, taken): flag for flag in found}
    for option, flag in flags.items():
        _add(group, option, flag, shown=True)
    written = [_spelled_as_shown(word, flags) for word in words]
    for option, flag in _numbered(written, flags):
        _add(group, option, flag, shown=False)
    options = parser.parse_all(written)
    data = data_of(options.fields or ())
    return Job(single_request(operation, data, resolvers=resolvers), Path.cwd(), options)


def _pipeline_job(command: str, words: Sequence[str], registry: Registry, add_options: AddOptions) -> Job:
    parser = Parser(
        prog=f"apigpu {command} {PIPELINE}",
        description="Several operations as one graph with one encode.",
        epilog='The file: {"steps": [{"operation": "img2vid", ...}, {"operation": "caption", ...}]}. '
        "Later steps leave out their main media field. Paths are relative to the file's folder.",
    )
    parser.add_argument("file", metavar="FILE.json", type=Path, help="The steps, as JSON.")
    add_options(parser.add_argument_group("options of the command"))
    options = parser.parse_all(words)
    path: Path = options.file.absolute()
    return Job(pipeline_request(registry, read_document(path)), path.parent, options, document=path)


def read_document(path: Path) -> object:
    """The JSON in a file. Raises InputError."""
    try:
        if not path.is_file():
            raise InputError(f"there is no file {path}.", code="file_not_found")
        with path.open("rb") as file:
            content = file.read(_MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", code="unreadable_file") from None
    if len(content) > _MAX_DOCUMENT_BYTES:
        raise InputError(f"{path} is larger than {_MAX_DOCUMENT_BYTES} bytes.", code="invalid_pipeline")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is not valid JSON: {error}.", code="invalid_pipeline") from None


def _add(group: argparse._ArgumentGroup, option: str, flag: Flag, *, shown: bool) -> None:
    numbers = iter(re.findall(r"\.(\d+)(?=\.|$)", option))
    path = tuple(next(numbers, INDEX) if part == INDEX else part for part in flag.path)
    group.add_argument(
        option,
        action=_Collect,
        const=(flag, path),
        metavar=flag.metavar,
        help=flag.help.replace("%", "%%") if shown else argparse.SUPPRESS,
    )


class _Collect(argparse.Action):
    """Appends (flag, path, text) to `fields`, in the order of the command line."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **{**kwargs, "dest": "fields", "nargs": None})  # type: ignore[arg-type]

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        name: str | None = None,
    ) -> None:
        flag, path = self.const
        namespace.fields = [*(namespace.fields or ()), (flag, path, values)]


def _required(flags: Sequence[Flag]) -> list[str]:
    return [f"{flag.option} {flag.metavar}" for flag in flags if flag.is_required]


def _free(option: str, taken: set[str]) -> str:
    """A field named like an option of the command is reached as `--field.NAME`."""
    return option.replace("--", "--field.", 1) if option in taken else option


def _spelled_as_shown(word: str, flags: dict[str, Flag]) -> str:
    """`--url_video`, as in the API, for `--url-video`."""
    name, equals, value = word.partition("=")
    dashed = name.replace("_", "-")
    return f"{dashed}{equals}{value}" if word.startswith("--") and _pattern(dashed) in flags else word


def _numbered(words: Sequence[str], flags: dict[str, Flag]) -> Iterator[tuple[str, Flag]]:
    """The flags with item numbers in them that the user wrote, such as `--images.2.duration`."""
    for option in dict.fromkeys(word.partition("=")[0] for word in words if word.startswith("--")):
        if option not in flags and _pattern(option) in flags:
            yield option, flags[_pattern(option)]


def _pattern(option: str) -> str:
    return re.sub(r"\.\d{1,4}(?=\.|$)", f".{INDEX}", option)
