"""Stills: the pixels that FFmpeg reads from the probed path are the pixels that a viewer shows."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat

from apigpu.errors import InputError, SetupError
from apigpu.ffmpeg.binary import Binaries, packaged
from apigpu.ffmpeg.process import capture_sync
from apigpu.media.facts import MediaFile
from apigpu.media.limits import Limits
from apigpu.media.refusals import read_head
from apigpu.media.sniff import sniff
from apigpu.media.still import read_still

SIZE = (48, 32)


def picture() -> Image.Image:
    """Smooth and without symmetry, so that a turn, a mirror or a swapped channel shows."""
    across = Image.linear_gradient("L").rotate(90).resize(SIZE, Image.Resampling.NEAREST)
    down = Image.linear_gradient("L").resize(SIZE, Image.Resampling.NEAREST)
    return Image.merge("RGB", (across, down, ImageChops.add(across, down, 4)))


def see_through() -> Image.Image:
    image = picture()
    image.putalpha(Image.linear_gradient("L").resize(SIZE))
    return image


def grey() -> Image.Image:
    return picture().convert("L")


def grey_16() -> Image.Image:
    image = Image.new("I;16", SIZE)
    image.putdata([257 * level for level in grey().get_flattened_data()])
    return image


def grey_alpha() -> Image.Image:
    return Image.merge("LA", (grey(), Image.linear_gradient("L").resize(SIZE)))


def black_corner() -> Image.Image:
    image = picture()
    image.paste((0, 0, 0), (0, 0, 8, 8))
    return image


def palette() -> Image.Image:
    return picture().quantize(64)


# Name: (how to draw it, how to save it, the pixel format where FFmpeg reads the file itself).
DIRECT: dict[str, tuple[Callable[[], Image.Image], dict[str, object], str]] = {
    "444.jpg": (picture, {"quality": 95, "subsampling": 0}, "yuvj444p"),
    "422.jpg": (picture, {"quality": 95, "subsampling": 1}, "yuvj422p"),
    "420.jpg": (picture, {"quality": 95, "subsampling": 2}, "yuvj420p"),
    "progressive.jpg": (picture, {"quality": 95, "progressive": True}, "yuvj420p"),
    "grey.jpg": (grey, {"quality": 95}, "gray"),
    "rgb.png": (picture, {}, "rgb24"),
    "rgba.png": (see_through, {}, "rgba"),
    "grey.png": (grey, {}, "gray"),
    "rgb.bmp": (picture, {}, "bgr24"),
    "lossy.webp": (picture, {"quality": 95}, "yuv420p"),
}
PREPARED: dict[str, tuple[Callable[[], Image.Image], dict[str, object], str]] = {
    "rgb.jpg": (picture, {"quality": 95, "keep_rgb": True}, "rgb24"),
    "cmyk.jpg": (lambda: picture().convert("CMYK"), {"quality": 95}, "rgb24"),
    "tall.jpg": (picture, {"quality": 95, "dpi": (72, 144)}, "rgb24"),
    "palette.png": (palette, {}, "rgb24"),
    "clear-palette.png": (palette, {"transparency": bytes(range(0, 256, 4))}, "rgba"),
    "colour-key.png": (black_corner, {"transparency": (0, 0, 0)}, "rgba"),
    "grey-alpha.png": (grey_alpha, {}, "rgba"),
    "grey-16.png": (grey_16, {}, "rgb24"),
    "two-tone.png": (lambda: picture().convert("1"), {}, "rgb24"),
    "tall.png": (picture, {"dpi": (72, 144)}, "rgb24"),
    "palette.bmp": (palette, {}, "rgb24"),
    "lossless.webp": (picture, {"lossless": True}, "rgb24"),
    "clear.webp": (see_through, {"quality": 95}, "rgba"),
    "photo.avif": (picture, {"quality": 95}, "rgb24"),
    "photo.tif": (picture, {"compression": "tiff_lzw"}, "rgb24"),
    "clear.tif": (see_through, {}, "rgba"),
    "wave.jp2": (picture, {}, "rgb24"),
    "still.gif": (palette, {}, "rgb24"),
    "rgb.ppm": (picture, {}, "rgb24"),
}


@pytest.fixture(params=["found", "packaged"])
def ffmpeg(request: pytest.FixtureRequest, binaries: Binaries) -> str:
    """Both ends of the range of versions."""
    program = binaries.ffmpeg if request.param == "found" else packaged("ffmpeg")
    return program or pytest.skip("the packaged ffmpeg is not installed")


@pytest.fixture
def still(tmp_path: Path) -> Callable[..., MediaFile]:
    def read(path: Path, limits: Limits | None = None) -> MediaFile:
        return read_still(path, sniff(read_head(path)), workdir=tmp_path, limits=limits or Limits())

    return read


def saved(folder: Path, name: str, image: Image.Image, **options: object) -> Path:
    path = folder / name
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def opened(path: str | Path) -> Image.Image:
    """The picture as stored, in RGBA."""
    with Image.open(path) as image:
        return image.convert("RGBA")


def decoded(ffmpeg: str, found: MediaFile) -> tuple[str, Image.Image]:
    """The pixel format that FFmpeg decodes to, and the picture as stored, in RGBA."""
    assert found.image is not None
    source = ("-noautorotate", "-f", found.format, "-i", f"file:{found.path}")
    exact = ("-sws_flags", "accurate_rnd+full_chroma_int+full_chroma_inp")
    argv = [ffmpeg, "-hide_banner", *source, "-frames:v", "1", *exact, "-pix_fmt", "rgba", "-f", "rawvideo", "-"]
    done = capture_sync(argv, timeout_s=30)
    assert done.exit_code == 0, done.stderr.decode()
    said = re.search(r"Video: \w+(?: \([^)]*\))?, (\w+)", done.stderr.decode())
    assert said is not None
    return said[1], Image.frombytes("RGBA", (found.image.width, found.image.height), done.stdout)


def assert_alike(left: Image.Image, right: Image.Image, tolerance: float = 2.0) -> None:
    """Mean difference of each channel, in levels of 255, over what both show on black."""
    over_black = [Image.alpha_composite(Image.new("RGBA", image.size, "black"), image) for image in (left, right)]
    means = ImageStat.Stat(ImageChops.difference(over_black[0], over_black[1]).convert("RGB")).mean
    assert max(means) <= tolerance, means
    assert ImageStat.Stat(ImageChops.difference(left.getchannel("A"), right.getchannel("A"))).mean[0] <= tolerance


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", DIRECT)
def test_what_ffmpeg_reads_right_is_left_alone(
    ffmpeg: str, still: Callable[..., MediaFile], tmp_path: Path, name: str
) -> None:
    draw, options, pix_fmt = DIRECT[name]
    path = saved(tmp_path, name, draw(), **options)
    found = still(path)
    assert found.image is not None
    assert (found.path, found.image.pix_fmt, found.warnings) == (str(path), pix_fmt, ())
    said, pixels = decoded(ffmpeg, found)
    assert said == pix_fmt
    assert found.image.has_alpha == (pix_fmt == "rgba")
    assert_alike(pixels, opened(path))


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", PREPARED)
def test_everything_else_becomes_a_png_with_the_same_pixels(
    ffmpeg: str, still: Callable[..., MediaFile], tmp_path: Path, name: str
) -> None:
    draw, options, pix_fmt = PREPARED[name]
    path = saved(tmp_path, name, draw(), **options)
    found = still(path)
    assert found.image is not None
    assert Path(found.path).parent == tmp_path
    assert found.path.endswith(".png")
    assert (found.image.pix_fmt, found.image.orientation) == (pix_fmt, 1)
    said, pixels = decoded(ffmpeg, found)
    assert said == pix_fmt
    shown = grey().convert("RGBA") if name == "grey-16.png" else opened(path)  # Pillow clips 16 bits at 255
    assert_alike(pixels, shown)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_told_for_files_left_alone_and_applied_to_others(
    still: Callable[..., MediaFile], tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("photo.jpg", "photo.png", "photo.webp"):
        image = still(saved(tmp_path, name, picture(), exif=exif)).image
        assert image is not None
        assert (image.orientation, image.width, image.height) == (orientation, *SIZE)
    path = saved(tmp_path, "palette.png", palette(), exif=exif)
    found = still(path)
    upright = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    assert found.image is not None
    assert (found.image.orientation, (found.image.width, found.image.height)) == (1, upright.size)
    assert list(Image.open(found.path).get_flattened_data()) == list(upright.get_flattened_data())


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_an_orientation_that_does_not_exist_is_none(
    still: Callable[..., MediaFile], tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = still(saved(tmp_path, "photo.jpg", picture(), exif=exif)).image
    assert image is not None
    assert image.orientation == 1


def red_and_blue_swapped() -> bytes:
    """An sRGB profile in whose table red and blue have changed names."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    table_end = 132 + 12 * struct.unpack(">I", plain[128:132])[0]
    names = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}
    table = re.sub(rb"[rb]XYZ", lambda found: names[found[0]], plain[132:table_end])
    return plain[:132] + table + plain[table_end:]


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.webp", "photo.tif"])
def test_a_colour_profile_is_applied(still: Callable[..., MediaFile], tmp_path: Path, name: str) -> None:
    red = Image.new("RGB", SIZE, (255, 0, 0))
    found = still(saved(tmp_path, name, red, icc_profile=red_and_blue_swapped()))
    shown = Image.open(found.path)
    assert shown.getpixel((5, 5)) == pytest.approx((0, 0, 255), abs=6)
    assert "icc_profile" not in shown.info


def test_a_colour_profile_leaves_alpha_alone(still: Callable[..., MediaFile], tmp_path: Path) -> None:
    half = Image.new("RGBA", SIZE, (255, 0, 0, 100))
    found = still(saved(tmp_path, "half.png", half, icc_profile=red_and_blue_swapped()))
    assert Image.open(found.path).getpixel((5, 5)) == pytest.approx((0, 0, 255, 100), abs=6)


@pytest.mark.parametrize("profile", ["sRGB", "broken"])
def test_an_srgb_or_broken_profile_changes_nothing(
    still: Callable[..., MediaFile], tmp_path: Path, profile: str
) -> None:
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = saved(tmp_path, "photo.jpg", picture(), icc_profile=plain if profile == "sRGB" else plain[:200])
    assert still(path).path == str(path)


def test_an_opaque_alpha_channel_is_dropped(still: Callable[..., MediaFile], tmp_path: Path) -> None:
    opaque = picture().convert("RGBA")
    image = still(saved(tmp_path, "opaque.webp", opaque, lossless=True)).image
    assert image is not None
    assert (image.pix_fmt, image.has_alpha) == ("rgb24", False)


@pytest.mark.parametrize("name", ["pages.tif", "moving.gif", "moving.webp", "moving.png"])
def test_of_several_pages_the_first_is_used_and_said(
    still: Callable[..., MediaFile], tmp_path: Path, name: str
) -> None:
    others = [picture().rotate(90 * turns) for turns in (1, 2)]
    path = saved(tmp_path, name, picture(), save_all=True, append_images=others)
    found = still(path)
    assert found.image is not None
    assert found.image.pages == 3
    assert found.warnings == ("only the first of 3 pages or frames is used.",)
    assert_alike(opened(found.path), picture().convert("RGBA"), tolerance=8)


@pytest.mark.parametrize("name", [*DIRECT, *PREPARED])
def test_a_still_cut_in_half_is_refused(still: Callable[..., MediaFile], tmp_path: Path, name: str) -> None:
    draw, options, _ = (DIRECT | PREPARED)[name]
    path = saved(tmp_path, name, draw(), **options)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError) as caught:
        still(path)
    assert caught.value.code in {"truncated", "damaged"}


def test_what_phones_append_to_a_photo_does_no_harm(still: Callable[..., MediaFile], tmp_path: Path) -> None:
    path = saved(tmp_path, "motion.jpg", picture(), exif=b"Exif\0\0" + bytes(60_000))
    path.write_bytes(path.read_bytes() + b"\0\0\0\x18ftypmp42" + bytes(500))
    assert still(path).path == str(path)
    path.write_bytes(path.read_bytes()[:-400])
    assert still(path).path == str(path)


def png(width: int, height: int) -> bytes:
    """A PNG that claims a size, with hardly any data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_a_picture_of_four_gigapixels_is_refused_unread(still: Callable[..., MediaFile], tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(65536, 65536))
    with pytest.raises(InputError, match="65536x65536 = 4295 megapixels; the limit is 120") as caught:
        still(path)
    assert caught.value.code == "too_large"


def test_only_our_own_limit_counts(still: Callable[..., MediaFile], tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png(10_900, 11_000))  # beyond the size at which Pillow warns
    assert still(path).image is not None
    with pytest.raises(InputError, match=r"120 megapixels; the limit is 0\.5"):
        still(path, Limits(max_pixels=500_000))


@pytest.mark.parametrize(("head", "what"), [(b"8BPS\0\1", "Photoshop"), (b"\xff\x0a\0\0", "JPEG XL")])
def test_a_format_that_cannot_be_read_is_named(
    still: Callable[..., MediaFile], tmp_path: Path, head: bytes, what: str
) -> None:
    path = tmp_path / "file.jpg"
    path.write_bytes(head + bytes(100))
    with pytest.raises(InputError, match=what) as caught:
        still(path)
    assert caught.value.code == "unsupported_image"


def test_the_same_still_is_prepared_to_the_same_place(still: Callable[..., MediaFile], tmp_path: Path) -> None:
    path = saved(tmp_path, "palette.png", palette())
    assert still(path) == still(path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_work_folder_that_is_gone_is_the_machines_fault(tmp_path: Path) -> None:
    path = saved(tmp_path, "palette.png", palette())
    with pytest.raises(SetupError, match="work folder"):
        read_still(path, sniff(read_head(path)), workdir=tmp_path / "gone", limits=Limits())


def samples() -> list[bytes]:
    """Small whole stills of every format."""
    found = []
    for name, (draw, options, _) in (DIRECT | PREPARED).items():
        target = BytesIO()
        draw().save(target, format=Image.registered_extensions()[f".{name.rsplit('.', 1)[1]}"], **options)  # type: ignore[arg-type]
        found.append(target.getvalue())
    return found


SAMPLES = samples()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8), st.data())
def test_a_damaged_still_is_read_or_refused_and_nothing_else(
    still: Callable[..., MediaFile],
    tmp_path: Path,
    sample: bytes,
    changes: list[tuple[float, int]],
    data: st.DataObject,
) -> None:
    damaged = bytearray(sample[: data.draw(st.integers(1, len(sample)))])
    for place, value in changes:
        damaged[int(place * (len(damaged) - 1))] = value
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    seen = sniff(read_head(path))
    if seen.format:
        try:
            found = read_still(path, seen, workdir=tmp_path, limits=Limits(max_pixels=1_000_000))
        except InputError as error:
            assert error.remedy  # noqa: PT017
        else:
            assert found.image is not None
