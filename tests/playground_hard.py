"""An operation with every shape of field that a plugin may have."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from apigpu import AudioUrl, Clip, ImageUrl, Input, Media, Operation, VideoUrl, hookimpl, operation


class Zoom(Input):
    kind: Literal["zoom"]
    factor: float = Field(1.5, gt=1, le=4)


class Pan(Input):
    kind: Literal["pan"]
    way: Literal["left", "right"]
    speed: int | None = Field(None, ge=1, le=9)


class Layer(Input):
    image_url: ImageUrl
    tags: list[str] = Field([], max_length=3)
    children: list[Layer] = Field([])
    """May hold itself."""


class Mood(Enum):
    CALM = "calm"
    WILD = "wild"


Moody = Annotated[Mood, BeforeValidator(lambda word: Mood(word) if isinstance(word, str) else word)]


class Badge(Input):
    text: str = Field(max_length=20)
    colour: str = Field("#FF0000", pattern="^#[0-9A-Fa-f]{6}$")


class HardInput(Input):
    url_video: VideoUrl | None = None
    camera: Zoom | Pan = Field(discriminator="kind")
    second_camera: Zoom | Pan | None = Field(None, discriminator="kind")
    amount: int | str | list[int] = 3
    size: tuple[int, int] = (16, 9)
    point: tuple[float, float] | None = None
    extra: dict[str, int] = Field({})
    anything: Any = None
    layers: list[Layer] = Field([], max_length=5)
    grid: list[list[int]] = Field([])
    sounds: list[AudioUrl] = Field([])
    mood: Moody = Mood.CALM
    rank: Literal[1, 2, 3] | None = None
    is_loud: bool
    maybe: bool | None = None
    badge: Badge | None = None
    words: str = Field("", max_length=2000)
    needed: str = Field(min_length=2)
    fade_ms: int = Field(0, ge=0, le=5000, multiple_of=10)


@operation("hard")
def hard(request: HardInput, media: Media) -> Clip:
    """Has every shape of field."""
    raise NotImplementedError


@hookimpl
def apigpu_operations() -> list[Operation]:
    return [hard]
