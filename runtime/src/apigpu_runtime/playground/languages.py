"""The languages of the pages, and which one somebody reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.requests import Request

NAMES = {"en": "English", "pt": "Português"}
COOKIE = "apigpu_language"
DEFAULT = "en"


@dataclass(frozen=True)
class Language:
    """Sentences of one language by key. What operations say of themselves is English; `help` has translations of
    such sentences and `labels` names of fields, where there are any."""

    code: str
    sentences: Mapping[str, str]
    labels: Mapping[str, str]
    help: Mapping[str, str]

    def t(self, key: str, **values: object) -> str:
        """The sentence of that key, its `{places}` filled in."""
        return self.sentences[key].format(**values)

    def told(self, sentence: str) -> str:
        """What an operation says, in this language if it can be."""
        return self.help.get(sentence, sentence)

    def for_browser(self) -> dict[str, Any]:
        return {"sentences": self.sentences, "labels": self.labels, "help": self.help}


@cache
def language(code: str) -> Language:
    """One of `NAMES`."""
    text = files("apigpu_runtime.playground").joinpath("messages", f"{code}.json").read_text(encoding="utf-8")
    document = json.loads(text)
    return Language(code, document["sentences"], document["labels"], document["help"])


def language_of(request: Request) -> Language:
    """By `?lang=`, else by the choice made before, else by what the browser asks for."""
    for code in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if code in NAMES:
            return language(code)
    return language(_preferred(request.headers.get("accept-language", "")))


def _preferred(header: str) -> str:
    best, best_weight = DEFAULT, 0.0
    for part in header.split(",")[:20]:
        tag, _, parameters = part.partition(";")
        code = tag.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        if code in NAMES and weight > best_weight:
            best, best_weight = code, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
