"""What a guest is asked to do: pieces of shell for the scenes of a rehearsal (pure)."""

SITE = "/var/lib/yardpass"
_PYTHON = "PYTHONPATH=/usr/lib/yardpass/site python3 -c"


def until(unit: str, pattern: str) -> str:
    """Waits until a unit of ours has logged this, since the box started. Who asks systemd again
    and again instead takes half of an emulated processor."""
    logged = f"journalctl --boot --follow --lines=all --unit=yardpass-{unit}"
    return f"{logged} | grep -q -m 1 -E '{pattern}'\n"


def ended(unit: str) -> str:
    """Waits until what a unit of ours does once is done, well or not."""
    return until(unit, "systemd.*: (Finished|Failed to start) ")


WELL = ended("health")
TAKEN = ended("update-stick")
INSTALL = "yardpass update install {} 2>&1 || {{ echo NOT INSTALLED; systemctl poweroff; }}\n"
REFUSED = "yardpass update install {1} {0} 2>&1 | tr '\\n' ' ' | sed 's/^/{0}: /'; echo\n"
AUTOMATIC = f"""\
printf '\\n[update]\\nautomatic = true\\nquiet_minutes = 1\\n' >>{SITE}/site.toml
systemctl try-restart yardpass-sync
"""
FETCHED = until("sync", "is here; next: ")
QUIET = "sleep 61\nsystemctl start yardpass-update\n"  # which the box's timer would, later
STAY = "sleep 999\n"  # whatever ends this start, it is not the script
AT_WORK = until("relay", "systemd.*: Started ") + until("gate", "systemd.*: Started ")
SEEN = until("gate", "GREEN")
FSCK = f"yardpass ledger fsck --site {SITE}\n"

DOCTOR = f"yardpass doctor --settings {SITE}/site.toml 2>&1 | sed 's/^/doctor: /'\n"

_VERB = "yardpass update {0} 2>&1 | sed 's/^/{0}: /'\n"
VERBS = (
    AT_WORK
    + WELL
    + "".join(_VERB.format(verb) for verb in ("validate", "prevent-revert", "revert"))
    + "yardpass update factory-reset --yes\n"
    + STAY
)
BEGUN_ANEW = f"""\
echo LEFT $(ls {SITE} | grep -v guards)
echo ON DISK $(ls /persistent)
{DOCTOR}"""

HELD = f"""\
{_PYTHON} '
import time
from hw.relay_line import RelayLine, RelayLineOptions
line = RelayLine(RelayLineOptions("/run/yardpass-relay/relay.sock"))
line.hold()
print("the gate is held open", flush=True)
while True:
    time.sleep(0.3)
    line.renew()' >/run/held 2>&1 &
holding=$!
until grep -q open /run/held; do sleep 1; done
"""
LET_GO = "kill $holding\n"

SHOWN = f"""\
mkdir -p /run/systemd/system/yardpass-gate.service.d
cat >/run/systemd/system/yardpass-gate.service.d/rehearsal.conf <<'UNIT'
[Service]
DeviceAllow=char-pts rw
StandardOutput=file:/run/gate.log
StandardError=file:/run/gate.log
UNIT
text=$({_PYTHON} 'import zxingcpp; from PIL import Image
print(zxingcpp.read_barcodes(Image.open("{SITE}/pictures/pass.png"))[0].text)')
yardpass sim reader qr --port /run/qr --text "$text" --every 5 >/dev/null &
showing=$!
until [ -e /run/qr ]; do sleep 1; done
chmod 666 "$(readlink -f /run/qr)"
cp {SITE}/site.toml /run/site.toml
sed -i 's|^driver = "sim"$|driver = "serial_qr"\\nport = "/run/qr"|' {SITE}/site.toml
systemctl daemon-reload
systemctl restart yardpass-gate
until grep -q GREEN /run/gate.log; do sleep 1; done
"""
"""A module for QR codes that shows the pass again and again, and a gate that has it."""

FULL = f"""\
dd if=/dev/zero of=/persistent/full bs=1M 2>/dev/null
dd if=/dev/zero of=/persistent/rest bs=512 2>/dev/null
echo LEFT $(df -k --output=avail /persistent | tail -n 1)
before=$(wc -l </run/gate.log)
{DOCTOR}until [ "$(wc -l </run/gate.log)" -gt "$before" ]; do sleep 1; done
sleep 6
tail -n +"$((before + 1))" /run/gate.log | sed 's/^/gate: /'
yardpass update health 2>&1 | sed 's/^/health: /'
"""
FREED = f"""\
kill $showing
rm /persistent/full /persistent/rest
cp /run/site.toml {SITE}/site.toml
"""
