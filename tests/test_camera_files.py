"""Picture files as a camera: what is shown, and that a bad picture is refused, never worse.

Invariant of the fuzz tests: any bytes become a luma plane within the caps, or raise `Refused`;
never any other error, never a warning.
"""

import io
import os
import random
import struct
import zlib
from itertools import count

import numpy as np
import pytest
from PIL import Image, ImageOps

from hw.camera import files
from hw.camera.files import FilesCamera, FilesOptions, FrameCamera, luma_of, picture
from hw.errors import Refused, Unavailable
from hw.ports import Frame

RAMP = ((np.arange(48)[:, None] * 3 + np.arange(64) * 2) % 256).astype(np.uint8)
GREY = Image.fromarray(RAMP)


def encoded(image, kind, **options):
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def png_header(width, height):
    """A PNG that claims a size and holds nothing: a decompression bomb in 60 bytes."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


# -- what a picture becomes


@pytest.mark.parametrize("kind", ["PNG", "PPM", "BMP"])
def test_a_grey_picture_is_its_own_luma(kind):
    assert np.array_equal(luma_of(encoded(GREY, kind), "x"), RAMP)


def test_a_lossless_webp_is_read():
    assert np.array_equal(luma_of(encoded(GREY.convert("RGB"), "WEBP", lossless=True), "x"), RAMP)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_comes_close_to_its_luma(mode):
    data = encoded(GREY.convert(mode), "JPEG", quality=95)
    assert np.abs(luma_of(data, "x").astype(int) - RAMP).mean() < 3


@pytest.mark.parametrize(
    ("colour", "luma"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29)]
)
def test_colour_becomes_itu_601_luma(colour, luma):
    assert (luma_of(encoded(Image.new("RGB", (4, 4), colour), "PNG"), "x") == luma).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_white(mode):
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    if mode == "P":
        image = Image.new("P", (2, 1))
        image.putpalette([0, 0, 0, 10, 10, 10])
        image.putpixel((1, 0), 1)
        data = encoded(image, "PNG", transparency=1)
    else:
        data = encoded(image.convert(mode), "PNG")
    assert luma_of(data, "x").tolist() == [[0, 255]]


def test_half_transparent_black_is_grey():
    assert luma_of(encoded(Image.new("RGBA", (1, 1), (0, 0, 0, 128)), "PNG"), "x")[0, 0] == 127


def test_a_16_bit_grey_keeps_its_upper_8_bits():
    deep = Image.fromarray(RAMP.astype(np.uint16) << 8 | 0x7F)
    assert np.array_equal(luma_of(encoded(deep, "PNG"), "x"), RAMP)
    assert np.array_equal(luma_of(encoded(deep, "PPM"), "x"), RAMP)


def test_a_bilevel_picture_is_black_and_white():
    data = encoded(Image.fromarray(RAMP > 128), "PPM")
    assert np.array_equal(luma_of(data, "x"), np.where(RAMP > 128, 255, 0))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_picture_stands_upright_whatever_its_exif_says(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(GREY.convert("RGB"), kind, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("L"))
    luma = luma_of(data, "x")
    assert luma.shape == expected.shape and luma.strides[1] == 1
    assert np.abs(luma.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("exif", [b"Exif\0\0rubbish!", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01"])
def test_a_damaged_exif_block_does_not_spoil_the_picture(exif):
    assert luma_of(encoded(GREY, "JPEG", exif=exif), "x").shape == (48, 64)
    assert np.array_equal(luma_of(encoded(GREY, "PNG", exif=exif), "x"), RAMP)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_unknown_orientation_is_left_as_it_is(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(luma_of(encoded(GREY, "PNG", exif=exif), "x"), RAMP)


def test_a_picture_of_24_megapixels_stays_as_large_as_it_is():
    data = encoded(Image.new("L", (5712, 4284), 9), "PNG", compress_level=1)
    assert luma_of(data, "x").shape == (4284, 5712)


# -- what is refused


@pytest.mark.parametrize(
    "size",
    [(files.MAX_SIDE + 1, 1), (1, files.MAX_SIDE + 1), (5001, 5000), (2**31 - 1, 2**31 - 1)],
)
def test_a_bomb_is_refused_by_its_header(size):
    with pytest.raises(Refused, match=r"'bomb'.*25000000"):
        luma_of(png_header(*size), "bomb")


def test_a_bomb_below_pillows_own_limit_is_refused_without_a_warning():
    with pytest.raises(Refused, match="is 10000 x 10000 pixels, at most 20000 a side and"):
        luma_of(png_header(10_000, 10_000), "x")


def test_a_picture_just_within_the_caps_is_not_refused_for_its_size():
    with pytest.raises(Refused, match="cannot be decoded"):
        luma_of(png_header(5000, 5000), "x")


def test_a_webp_bomb_is_refused_before_its_canvas_is_drawn():
    small = encoded(Image.new("RGB", (10, 10)), "WEBP", lossless=True)[12:]
    side = (16_382).to_bytes(3, "little")
    frame = bytes(6) + (9).to_bytes(3, "little") * 2 + bytes(4) + small
    body = b"WEBPVP8X" + struct.pack("<I4B", 10, 2, 0, 0, 0) + side * 2
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    body += b"ANMF" + struct.pack("<I", len(frame)) + frame
    with pytest.raises(Refused, match="25000000 pixels"):
        luma_of(b"RIFF" + struct.pack("<I", len(body)) + body, "x")


def test_a_jpeg_of_endless_scans_is_refused():
    data = encoded(GREY, "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert luma_of(data, "x").shape == (48, 64)
    with pytest.raises(Refused, match="JPEG scans, at most 64"):
        luma_of(data[:-2] + last * 64 + data[-2:], "x")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"YP1:ABC", "is not a picture"),
        (b"GIF89a" + bytes(40), "is not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"),
        (encoded(GREY, "PNG")[:-40], "cannot be decoded"),
        (encoded(GREY, "JPEG")[:400], "cannot be decoded"),
        (b"Pf\n2 2\n-1.0\n" + bytes(16), "floating-point"),
    ],
)
def test_what_is_no_whole_picture_is_refused(data, why):
    with pytest.raises(Refused, match=f"'x'.*{why}|{why}") as caught:
        luma_of(data, "x")
    assert caught.value.reason == "R-IMAGE"


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "ICO", "TGA", "PCX"])
def test_formats_that_nobody_needs_are_refused(kind):
    with pytest.raises(Refused, match="give a PNG, JPEG"):
        luma_of(encoded(GREY, kind), "x")


# -- what a path may be


def test_a_picture_is_read_from_its_file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(GREY, "PNG"))
    assert np.array_equal(picture(path).luma, RAMP)
    assert picture(str(path)).ticks > 0


def test_a_missing_file_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match=r"no\.png.*No such file"):
        picture(tmp_path / "no.png")


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(Refused, match="a pipe, socket or device"):
        picture(tmp_path / "a.png")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty"])
def test_a_device_is_refused_unopened(path):
    with pytest.raises(Refused, match="a pipe, socket or device"):
        picture(path)


def test_a_folder_is_refused_as_one_picture(tmp_path):
    with pytest.raises(Refused, match="a folder"):
        picture(tmp_path)


def test_a_name_with_a_nul_is_refused():
    with pytest.raises(Refused, match="no path"):
        picture("a\0b")
    with pytest.raises(Refused, match="no path"):
        FilesCamera(FilesOptions(("a\0b",)))


def test_a_link_in_a_circle_is_unavailable(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(Unavailable, match="symbolic links"):
        picture(tmp_path / "a.png")


def test_a_file_over_the_cap_is_refused_unread(tmp_path):
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        file.truncate(files.MAX_FILE_BYTES + 1)
    with pytest.raises(Refused, match=f"{files.MAX_FILE_BYTES + 1} bytes, at most"):
        picture(path)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(bytes(200))
    monkeypatch.setattr(files, "_check_regular", lambda found, path: None)
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 100)
    with pytest.raises(Refused, match="over 100 bytes"):
        picture(path)


def test_a_file_swapped_for_a_pipe_after_the_look_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(GREY, "PNG"))
    regular = path.stat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(files.os, "stat", lambda path: regular)
    with pytest.raises(Refused, match="a pipe, socket or device"):
        picture(path)


# -- the camera


@pytest.fixture
def folder(tmp_path):
    for shade, name in enumerate(["c.png", "a.PGM", "b.jpg"]):
        kind = {"png": "PNG", "PGM": "PPM", "jpg": "JPEG"}[name.split(".")[1]]
        (tmp_path / name).write_bytes(encoded(Image.new("L", (8, 8), shade * 50), kind))
    (tmp_path / "README.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(b"no picture")
    (tmp_path / "sub").mkdir()
    return tmp_path


def shades(frames):
    return [int(frame.luma[0, 0]) for frame in frames]


def test_a_folder_shows_its_pictures_by_name_and_nothing_else(folder):
    assert shades(FilesCamera(FilesOptions((str(folder),))).frames()) == [50, 100, 0]


def test_files_and_folders_are_shown_in_the_order_given(folder):
    paths = (str(folder / "c.png"), str(folder), str(folder / "b.jpg"))
    assert shades(FilesCamera(FilesOptions(paths)).frames()) == [0, 50, 100, 0, 100]


def test_repeat_begins_again(folder):
    frames = FilesCamera(FilesOptions((str(folder),), repeat=True)).frames()
    assert shades(next(frames) for _ in range(7)) == [50, 100, 0, 50, 100, 0, 50]


def test_each_frame_carries_the_ticks_of_its_reading(folder):
    clock = count(1000, 10)
    camera = FilesCamera(FilesOptions((str(folder),)), clock=lambda: next(clock))
    assert [frame.ticks for frame in camera.frames()] == [1000, 1010, 1020]


def test_a_bad_picture_is_refused_by_name_and_the_next_is_shown(folder):
    (folder / "b.jpg").write_bytes(b"no picture")
    frames = FilesCamera(FilesOptions((str(folder),))).frames()
    assert shades([next(frames)]) == [50]
    with pytest.raises(Refused, match=r"b\.jpg"):
        next(frames)
    assert shades(frames) == [0]


def test_a_picture_that_is_gone_is_unavailable_until_it_is_back(folder):
    data = (folder / "b.jpg").read_bytes()
    camera = FilesCamera(FilesOptions((str(folder),)))
    frames = camera.frames()
    next(frames)
    (folder / "b.jpg").unlink()
    for asking in (frames, camera.frames()):
        with pytest.raises(Unavailable, match=r"b\.jpg"):
            next(asking)
    (folder / "b.jpg").write_bytes(data)
    assert shades(frames) == [100, 0]


def test_no_path_and_an_empty_folder_are_refused(tmp_path):
    for paths in ((), (str(tmp_path),)):
        with pytest.raises(Refused, match="no picture in"):
            FilesCamera(FilesOptions(paths))


def test_a_missing_folder_is_unavailable_at_once(tmp_path):
    with pytest.raises(Unavailable, match="No such file"):
        FilesCamera(FilesOptions((str(tmp_path / "no"),)))


def test_a_folder_of_too_many_pictures_is_refused(folder, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILES", 2)
    with pytest.raises(Refused, match="more than 2 pictures"):
        FilesCamera(FilesOptions((str(folder),)))


def test_a_generator_of_frames_is_a_camera_and_is_closed_with_it():
    ended = []

    def scene():
        try:
            yield from (Frame(RAMP, ticks) for ticks in range(3))
        finally:
            ended.append("closed")

    camera = FrameCamera(scene())
    frames = camera.frames()
    assert next(frames).ticks == 0
    camera.close()
    assert ended == ["closed"]
    assert list(camera.frames()) == []


# -- fuzz


def mutations(data, rng, rounds):
    """`data` with bytes changed, cut or doubled, and PNG checksums mended half the time."""
    for _ in range(rounds):
        mutant = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            at = rng.randrange(len(mutant))
            match rng.randrange(5):
                case 0:
                    mutant[at] = rng.randrange(256)
                case 1:
                    mutant[at] ^= 1 << rng.randrange(8)
                case 2:
                    del mutant[at : at + rng.randrange(1, 9)]
                case 3:
                    mutant[at:at] = mutant[at : at + rng.randrange(1, 40)]
                case _:
                    mutant[at : at + 4] = rng.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
            mutant = mutant or bytearray(b"\0")
        yield bytes(mended(mutant)) if rng.random() < 0.5 else bytes(mutant)


def mended(png):
    """`png` with the checksum of every chunk made right, so that mutants get past it."""
    at = 8
    while png[:4] == b"\x89PNG" and at + 12 <= len(png):
        length = int.from_bytes(png[at : at + 4])
        end = at + 8 + length
        if end + 4 > len(png):
            break
        png[end : end + 4] = struct.pack(">I", zlib.crc32(png[at + 4 : end]))
        at = end + 4
    return png


def seeds():
    small = GREY.resize((24, 18)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "png", encoded(small.convert("RGBA"), "PNG", exif=exif), 12000
    yield "palette-png", encoded(small.convert("P"), "PNG", transparency=3), 5600
    yield "deep-png", encoded(Image.fromarray(RAMP.astype(np.uint16) * 200), "PNG"), 4000
    yield "jpeg", encoded(small, "JPEG", exif=exif), 12000
    yield "progressive-jpeg", encoded(small, "JPEG", progressive=True), 5600
    yield "webp", encoded(small, "WEBP", exif=exif), 4000
    yield "bmp", encoded(small, "BMP"), 3200
    yield "pgm", encoded(small.convert("L"), "PPM"), 3200


SEEDS = list(seeds())


@pytest.mark.long
@pytest.mark.parametrize(("name", "data", "rounds"), SEEDS, ids=[name for name, *_ in SEEDS])
def test_any_mutant_is_a_bounded_picture_or_refused(name, data, rounds):
    rng = random.Random(name)
    outcomes = {"read": 0, "refused": 0}
    for mutant in mutations(data, rng, rounds):
        try:
            luma = luma_of(mutant, name)
        except Refused as refused:
            assert str(refused).startswith(repr(name))
            outcomes["refused"] += 1
        else:
            assert luma.dtype == np.uint8 and luma.ndim == 2 and luma.size <= files.MAX_PIXELS
            outcomes["read"] += 1
    assert min(outcomes.values()) > 0, outcomes


def test_noise_behind_every_magic_number_is_refused():
    rng = random.Random("noise")
    for magic in (
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"RIFF\0\0\0\0WEBPVP8X",
        b"BM",
        b"P5\n",
    ):
        for _ in range(60):
            with pytest.raises(Refused):
                luma_of(magic + rng.randbytes(rng.randrange(200)), "x")
