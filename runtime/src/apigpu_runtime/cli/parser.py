"""argparse with the manners of this command line."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from apigpu.errors import InputError


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are InputErrors, with the nearest flag for unknown ones."""

    def __init__(self, *, prog: str, usage: str | None = None, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=partial(argparse.HelpFormatter, max_help_position=34),
        )

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}.", code="usage", remedy=f"See {self.prog} --help.")

    def parse_all(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse, and explain what is left over."""
        options, left = self.parse_known_args(_joined(words, set(self._option_string_actions)))
        if left:
            self._refuse(left[0])
        return options

    def _refuse(self, word: str) -> NoReturn:
        if not word.startswith("-"):
            self.error(f"{word!r} belongs to no flag")
        name = word.split("=")[0]
        near = difflib.get_close_matches(name, self._option_string_actions, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise InputError(f"there is no flag {name}.", code="unknown_field", remedy=f"{hint}See {self.prog} --help.")


def _joined(words: Sequence[str], options: set[str]) -> list[str]:
    """`--flag -x` as `--flag=-x`, which argparse would otherwise take for two flags."""
    joined: list[str] = []
    for word in words:
        before = joined[-1] if joined else ""
        value = word.startswith("-") and not word.startswith("--") and word not in options and word != "-"
        if value and before.startswith("--") and before in options:
            joined[-1] = f"{before}={word}"
        else:
            joined.append(word)
    return joined
