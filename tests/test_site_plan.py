"""A site's file makes the words of `yardpass provision`, or is refused; whatever is written there,
no word becomes an option that the file did not name."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from desk import ORIGIN
from hypothesis import example, given
from hypothesis import strategies as st
from workshop import board, ota, rpi, site_plan
from workshop.layout import PERSISTENT_TYPE
from workshop.site_plan import arguments

from ledger_sync.errors import Refused, Unavailable

PLAN = """\
office = "office"
[every]
zone = [0, 3]
camera = "files"
[terminal.north-1]
gate = "north"
address = ["10.0.0.5:7461"]
[terminal.south-1]
gate = "south"
camera = "v4l2"
"""


def test_a_terminal_has_what_every_one_has_but_what_it_says_itself():
    assert arguments(PLAN, "north-1") == [
        *("--name", "north-1", "--site", "office", "--zone", "0", "--zone", "3"),
        *("--camera", "files", "--gate", "north", "--address", "10.0.0.5:7461"),
    ]
    assert arguments(PLAN, "south-1")[-4:] == ["--camera", "v4l2", "--gate", "south"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", r"no \[terminal.north-1\]; it has none"),
        ("[terminal.south-1]", r"it has south-1"),
        ("[terminal", "it is no TOML"),
        ("x = 1", "'x' is not known"),
        ("terminal = 3", "is no table"),
        ("[terminal]\nnorth-1 = 3", "north-1 is no table"),
        ("[terminal.north-1]\nname = 'x'", "'name' is no option"),
        ("[terminal.north-1]\n'a b' = 'x'", "'a b' is no option"),
        ("[terminal.north-1]\ngate = '--site'", "give a text"),
        ("[terminal.north-1]\ngate = true", "give a text"),
        ("[terminal.north-1]\ngate = [1.5]", "give a text"),
        ("office = {}\n[terminal.north-1]\n", "office = {}"),
        ("a = " + "[" * 5_000, "no TOML"),
    ],
)
def test_what_is_wrong_is_named(text, why):
    with pytest.raises(Refused, match=why):
        arguments(text, "north-1")


values = st.text(max_size=8) | st.integers() | st.booleans() | st.lists(st.text(max_size=4))


@given(st.dictionaries(st.from_regex("[a-zA-Z -]{1,6}", fullmatch=True), values, max_size=4))
@example({"gate": "-x"})
@example({"gate": "x", "zone": [0, 1]})
def test_no_value_becomes_an_option(table):
    rows = "\n".join(f"{_quoted(key)} = {_value(one)}" for key, one in table.items())
    try:
        words = arguments(f"[terminal.north-1]\n{rows}\n", "north-1")
    except Refused:
        return
    options = [word for word in words if word.startswith("-")]
    assert set(options) == {"--name", *(f"--{key}" for key, one in table.items() if one != [])}
    assert len(words) == 2 * len(options)


@given(st.text())
def test_any_text_is_words_or_refused(text):
    try:
        words = arguments(text, "north-1")
    except Refused:
        return
    assert words[:2] == ["--name", "north-1"]


def _quoted(text):
    return '"' + "".join(f"\\U{ord(one):08x}" for one in text) + '"'


def _value(one):
    if isinstance(one, list):
        return f"[{', '.join(map(_value, one))}]"
    return str(one).lower() if isinstance(one, bool | int) else _quoted(one)


@pytest.mark.long
def test_the_parcel_of_a_terminal_is_made_by_its_line_in_the_file(desk):
    (desk / "site.toml").write_text(PLAN)

    site_plan.provision(desk / "site.toml", "north-1", desk / "parcel")

    words = (desk / "parcel" / "parcel.txt").read_text()
    assert ORIGIN in words and "north-1" in words
    assert 'gate = "north"' in (desk / "parcel" / "site.toml").read_text()
    with pytest.raises(Refused, match=r"file: \[terminal.north-1\]: No such option '--camcorder'"):
        (desk / "wrong.toml").write_text(PLAN.replace("camera =", "camcorder ="))
        site_plan.provision(desk / "wrong.toml", "north-1", desk / "other")
    assert not (desk / "other").exists()


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path):
    with pytest.raises(Refused, match="give the site's file"):
        site_plan.provision(tmp_path / "none", "north-1", tmp_path / "parcel")
    (tmp_path / "large").write_bytes(b"#" * (site_plan.MAX_BYTES + 1))
    with pytest.raises(Refused, match="bytes"):
        site_plan.provision(tmp_path / "large", "north-1", tmp_path / "parcel")


# --- real boards, by a generator that is not here


GENERATOR = """\
#!/bin/sh
printf '%s\\n' "$@" > argv
name=${5#yardpass-}
name=${name%.yaml}
[ -e fails ] && { echo 'E: no mirror' >&2; exit 3; }
[ -e idle ] && exit 0
mkdir -p work/image-yardpass-$name
cp layout.img work/image-yardpass-$name/yardpass-$name.img
"""
NAMES = ("bootconfig", "boot_a", "boot_b", "system_a", "system_b", "persistent")
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


def make_layout(path, names=NAMES, first=16_384):
    """As rpi-image-gen's image-rota leaves one: partitions from 8 MiB on, each of 8 MiB."""
    path.write_bytes(b"")
    os.truncate(path, 80 << 20)
    places = ((first + 16_384 * number, name) for number, name in enumerate(names))
    lines = [f"start={at}, size=16384, type={LINUX}, name={name}\n" for at, name in places]
    table = "".join(["label: gpt\n", *lines])
    subprocess.run(["sfdisk", "--quiet", path], input=table, text=True, check=True)


def partitions(path):
    said = subprocess.run(["sfdisk", "--json", path], capture_output=True, check=True).stdout
    return json.loads(said)["partitiontable"]["partitions"]


@pytest.fixture
def generator(tmp_path):
    if shutil.which("sfdisk") is None:
        pytest.skip("sfdisk is not here")
    folder = tmp_path / "rpi-image-gen"
    folder.mkdir()
    path = folder / "rpi-image-gen"
    path.write_text(GENERATOR)
    path.chmod(0o755)
    make_layout(folder / "layout.img")
    return folder


def test_a_board_is_built_from_our_layer_and_the_stage(generator, tmp_path):
    program = rpi.generator_in(generator)

    image = rpi.build("pi5", program, tmp_path / "stage", tmp_path, lambda said: None)

    assert image == tmp_path / "yardpass-pi5-arm64.img"
    made = partitions(image)
    assert [part["name"] for part in made] == [*NAMES, "counter"]
    assert made[-1]["start"] + made[-1]["size"] <= made[0]["start"]
    assert made[5]["type"] == PERSISTENT_TYPE.upper()
    assert [part["type"] for part in made[:5]] == [LINUX] * 5
    argv = (generator / "argv").read_text().split()
    assert argv[:2] == ["build", "-S"]
    assert argv[3:] == ["-c", "yardpass-pi5.yaml", "--", f"IGconf_yardpass_stage={tmp_path}/stage"]
    assert (Path(argv[2]) / "config" / argv[4]).is_file()


@pytest.mark.parametrize(("state", "why"), [("fails", "E: no mirror"), ("idle", "made no")])
def test_a_generator_that_fails_or_makes_nothing_is_told(generator, tmp_path, state, why):
    (generator / state).touch()

    with pytest.raises(Unavailable, match=why):
        rpi.build("pi4", generator / "rpi-image-gen", tmp_path, tmp_path, lambda said: None)

    assert not list(tmp_path.glob("*.img"))


def test_an_update_of_a_board_is_one_slot_of_its_image(generator, tmp_path):
    image = tmp_path / "yardpass-pi5-arm64.img"
    shutil.copy(generator / "layout.img", image)
    slots = {part["name"]: part for part in partitions(image)}
    written = {"system_a": b"system" * 700_000, "boot_a": b"boot" * 1_000, "system_b": b"other"}
    with image.open("r+b") as file:
        for name, data in written.items():
            file.seek(slots[name]["start"] * 512)
            file.write(data)

    rpi.take_apart(image, "pi5-arm64", "0.1.0-1795305600")

    found = ota.content_of(replace(board.load("sim", "arm64"), name="pi5"), tmp_path)
    assert (found.compatible, found.version) == ("yardpass-pi5-arm64", "0.1.0-1795305600")
    for path, name in ((found.system, "system_a"), (found.boot, "boot_a")):
        data = path.read_bytes()
        assert len(data) == slots[name]["size"] * 512
        assert data.rstrip(b"\0") == written[name]


def test_an_image_without_slots_brings_no_update(generator, tmp_path):
    image = tmp_path / "image"
    make_layout(image, names=("bootconfig", "boot"))

    with pytest.raises(Unavailable, match="no partition system_a"):
        rpi.take_apart(image, "pi5-arm64", "0.1.0-1")


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"names": NAMES[:5]}, "has the partitions"), ({"first": 2_048}, "no room in front")],
)
def test_an_image_of_another_layout_is_not_guessed_at(generator, tmp_path, changed, why):
    image = generator / "layout.img"
    make_layout(image, **changed)
    before = image.read_bytes()

    with pytest.raises(Unavailable, match=why):
        rpi.complete(image)
    assert image.read_bytes() == before


def test_a_machine_without_the_generator_is_told_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for folder in (tmp_path, None):
        with pytest.raises(Refused, match=r"clone github\.com/raspberrypi/rpi-image-gen"):
            rpi.generator_in(folder)
