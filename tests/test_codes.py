"""The decoding engines, on pictures taken by the simulated camera."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyzbar.pyzbar import ZBarSymbol, decode

from hw import codes
from hw.codes import Effort, Scanner, bounded, flattened, halved
from hw.errors import Refused, Unavailable
from hw.sim.optics import Shot
from hw.sim.photos import Condition, photo_of, photograph

PAYLOAD = "YP1:7K9%2ABF.QQ0/CC+ZZ $1XX:40-*E"
ENGINE_SETS = [("zxing", "zbar"), ("zxing",), ("zbar",)]


def picture(payload: str = PAYLOAD, **shot: float) -> np.ndarray:
    return photograph(payload, Shot(**{"side": 0.4, **shot}), seed=5)


@pytest.mark.parametrize("engines", ENGINE_SETS)
def test_every_set_of_engines_reads_a_plain_code(engines):
    assert Scanner(engines).read(picture()) == [PAYLOAD.encode()]


@pytest.mark.parametrize("engines", ENGINE_SETS)
def test_a_plane_with_padded_rows_is_read_without_its_padding(engines):
    plain = picture()
    padded = np.zeros((plain.shape[0], plain.shape[1] + 64), np.uint8)
    padded[:, : plain.shape[1]] = plain

    assert Scanner(engines).read(padded[:, : plain.shape[1]]) == [PAYLOAD.encode()]


@pytest.mark.parametrize("engines", ENGINE_SETS)
def test_a_view_turned_by_a_quarter_is_read(engines):
    assert Scanner(engines).read(np.rot90(picture())) == [PAYLOAD.encode()]


@pytest.mark.parametrize("engines", ENGINE_SETS)
def test_a_picture_that_may_not_be_written_is_read(engines):
    plane = picture()
    plane.flags.writeable = False

    assert Scanner(engines).read(plane) == [PAYLOAD.encode()]


@pytest.mark.parametrize("engines", ENGINE_SETS)
def test_all_distinct_codes_of_a_picture_are_returned_once(engines):
    one, two = picture("YP1:ONE"), picture("YP1:TWO")
    plane = np.vstack([np.hstack([one, two]), np.hstack([two, one])])

    assert sorted(Scanner(engines).read(plane)) == [b"YP1:ONE", b"YP1:TWO"]


@pytest.mark.long
def test_zbar_alone_reads_the_screens_on_which_plain_pyzbar_fails():
    scanner = Scanner(("zbar",))
    plain = ours = 0

    for seed in range(5):
        plane = photo_of(PAYLOAD, Condition.GRID, seed=seed)
        found = decode((plane.tobytes(), *plane.shape[::-1]), symbols=[ZBarSymbol.QRCODE])
        plain += PAYLOAD.encode() in [code.data for code in found]
        ours += PAYLOAD.encode() in scanner.read(plane)

    assert (plain, ours) == (0, 5)


@pytest.mark.long
def test_what_a_lower_effort_reads_a_higher_one_reads_too():
    scanner = Scanner()

    for condition in Condition:
        plane = photo_of(PAYLOAD, condition, seed=3)
        read = [bool(scanner.read(plane, effort)) for effort in Effort]
        assert read == sorted(read), condition


def test_the_second_engine_reads_a_code_without_margin_that_the_first_does_not():
    planes = [photo_of(PAYLOAD, Condition.BORDERLESS, seed=seed) for seed in range(8)]

    first = sum(bool(Scanner(("zxing",)).read(plane)) for plane in planes)
    both = sum(bool(Scanner().read(plane)) for plane in planes)

    assert both > first


@pytest.mark.parametrize("engines", ENGINE_SETS)
def test_a_payload_of_more_than_1024_bytes_is_dropped(engines):
    scanner = Scanner(engines)

    assert scanner.read(picture("A" * 1024, side=0.9)) == [b"A" * 1024]
    assert scanner.read(picture("A" * 1025, side=0.9)) == []


@pytest.mark.parametrize(
    "plane",
    [
        np.zeros((20, 20, 3), np.uint8),
        np.zeros(400, np.uint8),
        np.zeros((20, 20), np.int16),
        np.zeros((0, 20), np.uint8),
        np.zeros((4, codes.MAX_SIDE_PX + 1), np.uint8),
        np.broadcast_to(np.uint8(0), (8000, 8000)),
        [[0, 0], [0, 0]],
        None,
    ],
)
def test_what_is_no_picture_is_refused(plane):
    with pytest.raises(Refused, match="a picture"):
        Scanner(("zxing",)).read(plane)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (41, 300), (43, 43), (85, 87)])
def test_a_tiny_picture_holds_no_code_and_does_no_harm(shape):
    assert Scanner().read(np.full(shape, 200, np.uint8)) == []


@pytest.mark.parametrize("engines", [("zxng",), ("zbar", "ZBAR"), (), ("zbar", "zbar")])
def test_an_engine_that_is_unknown_or_named_twice_is_refused_with_the_names(engines):
    with pytest.raises(Refused, match="zxing, zbar"):
        Scanner(engines)


def test_a_libzbar_with_known_holes_is_refused_with_the_command_that_replaces_it(monkeypatch):
    monkeypatch.setattr(codes, "_zbar_version", lambda _: (0, 23, 91))

    with pytest.raises(Unavailable, match=r"0\.23\.91 .*apt-get install"):
        Scanner(("zbar",))


@pytest.mark.parametrize(("engine", "module"), [("zbar", "pyzbar"), ("zxing", "zxingcpp")])
def test_a_missing_engine_is_unavailable_with_the_next_step(engine, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(Unavailable, match="install"):
        Scanner((engine,))


@given(st.lists(st.binary(max_size=600), max_size=300))
def test_bounded_keeps_the_first_of_each_payload_within_all_caps(payloads):
    """Invariant: a subsequence of the input, distinct, each 1..1,024 bytes, few in all."""
    kept = bounded(payloads)

    rest = iter(payloads)
    assert all(payload in rest for payload in kept)
    assert len(set(kept)) == len(kept) <= codes.MAX_PAYLOADS
    assert all(0 < len(payload) <= codes.MAX_PAYLOAD_BYTES for payload in kept)
    assert sum(map(len, kept)) <= codes.MAX_PAYLOAD_BYTES_IN_ALL


def test_bounded_stops_where_one_picture_has_said_too_much():
    payloads = [number.to_bytes(2, "big") * 200 for number in range(300)]

    assert len(bounded(payloads)) == codes.MAX_PAYLOAD_BYTES_IN_ALL // 400
    assert len(bounded(payload[:2] for payload in payloads)) == codes.MAX_PAYLOADS


def test_halving_averages_four_pixels_and_leaves_the_odd_rest_out():
    plane = np.random.default_rng(1).integers(0, 256, (7, 9), np.uint8)

    means = plane[:6, :8].reshape(3, 2, 4, 2).mean(axis=(1, 3))

    assert np.array_equal(halved(plane), np.floor(means + 0.5))


def test_flattening_compares_each_pixel_with_the_mean_around_it():
    plane = np.random.default_rng(2).integers(0, 256, (40, 45), np.uint8)
    reach = codes.FLATTEN_REACH_PX
    padded = np.pad(plane.astype(np.float64), reach, mode="edge")

    flat = flattened(plane)

    for y, x in [(0, 0), (0, 44), (39, 0), (20, 22), (39, 44)]:
        around = padded[y : y + 2 * reach + 1, x : x + 2 * reach + 1].mean()
        assert flat[y, x] == (
            255 if int(plane[y, x]) + codes.FLATTEN_MARGIN_LEVELS >= around else 0
        )
    assert set(np.unique(flat)) == {0, 255}
