"""How a new box reaches its network: what the office says, and the files of NetworkManager. Pure.

    {"ssid": "compound", "psk": "64 hex digits", "address": "10.0.0.5/24", "gateway": "10.0.0.1",
     "dns": ["10.0.0.1"]}

The password of a Wi-Fi network never travels: the key that follows from it does (IEEE 802.11i
H.4), good for WPA2 and for nothing else. Without any of it a box takes what DHCP gives on a cable.
"""

import hashlib
import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ledger_sync.errors import Refused

MAX_FILE = 2_048  # bytes
MAX_SSID = 32  # bytes
PASSWORD = range(8, 64)  # characters of a WPA2 password
MAX_DNS = 3
_PSK = re.compile(r"[0-9a-f]{64}")
_KEYS = {"ssid", "psk", "address", "gateway", "dns"}
_UUIDS = {
    "wifi": "5f2b1f7e-1e0d-4d0f-9b7e-6d2f0c6e7a01",
    "ethernet": "5f2b1f7e-1e0d-4d0f-9b7e-6d2f0c6e7a02",
}


class Network(NamedTuple):
    """`ssid` empty: a cable. `address` empty: DHCP. `psk` empty: an open Wi-Fi network."""

    ssid: str = ""
    psk: str = ""
    address: str = ""
    gateway: str = ""
    dns: tuple[str, ...] = ()


def psk_of(ssid: str, password: str) -> str:
    """The key of a WPA2 network. Raises `Refused` for what is no password of one."""
    is_plain = all(32 <= ord(letter) < 127 for letter in password)
    if len(password) not in PASSWORD or not is_plain:
        raise Refused(f"a Wi-Fi password has {PASSWORD[0]} to {PASSWORD[-1]} ASCII characters")
    return hashlib.pbkdf2_hmac("sha1", password.encode(), ssid.encode(), 4_096, 32).hex()


def text_of(network: Network) -> str:
    """The file on the stick."""
    return json.dumps(network._asdict(), ensure_ascii=False, indent=1) + "\n"


def network_in(data: bytes) -> Network:
    """The network in such a file. Raises `Refused` (R-SETTINGS) for anything else."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        raise _refused("it is no JSON") from None
    if not isinstance(told, dict) or set(told) != _KEYS:
        raise _refused(f"it must have {', '.join(sorted(_KEYS))} and nothing else")
    return checked(told)


def checked(told: Mapping[str, Any]) -> Network:
    """These values as a network. Raises `Refused` (R-SETTINGS) for one that is none."""
    ssid, psk, dns = told["ssid"], told["psk"], told["dns"]
    if not isinstance(ssid, str) or len(ssid.encode(errors="replace")) > MAX_SSID:
        raise _refused(f"a name of at most {MAX_SSID} bytes")
    if psk != "" and not (isinstance(psk, str) and _PSK.fullmatch(psk) and ssid):
        raise _refused("psk is 64 hex digits beside an ssid")
    if not isinstance(dns, list | tuple) or len(dns) > MAX_DNS:
        raise _refused(f"dns is a list of at most {MAX_DNS} addresses")
    address, gateway = told["address"], told["gateway"]
    if not address and (gateway or dns):
        raise _refused("gateway and dns go with an address")
    return Network(
        ssid,
        psk,
        _interface(address) if address else "",
        _address(gateway) if gateway else "",
        tuple(_address(one) for one in dns),
    )


def keyfile_of(network: Network) -> tuple[str, str]:
    """The name and the text of NetworkManager's file (nm-settings-keyfile(5))."""
    kind = "wifi" if network.ssid else "ethernet"
    parts = [
        ("connection", {"id": f"yardpass-{kind}", "uuid": _UUIDS[kind], "type": kind}),
        *(_wifi(network) if network.ssid else ()),
        *_addresses(network),
    ]
    sections = ("\n".join([f"[{name}]", *_lines(keys)]) for name, keys in parts)
    return f"yardpass-{kind}.nmconnection", "\n\n".join(sections) + "\n"


def _wifi(network: Network) -> list[tuple[str, dict[str, str]]]:
    letters = "".join(f"{byte};" for byte in network.ssid.encode())  # whatever is in the name
    found = [("wifi", {"mode": "infrastructure", "ssid": letters})]
    if network.psk:
        found.append(("wifi-security", {"key-mgmt": "wpa-psk", "psk": network.psk}))
    return found


def _addresses(network: Network) -> list[tuple[str, dict[str, str]]]:
    """Of the kind that is given; the other kind as the network likes."""
    found = {name: {"method": "auto"} for name in ("ipv4", "ipv6")}
    if network.address:
        version = ipaddress.ip_interface(network.address).version
        keys = {"method": "manual", "address1": ",".join(filter(None, network[2:4]))}
        dns = "".join(f"{one};" for one in network.dns)
        found[f"ipv{version}"] = keys | ({"dns": dns} if dns else {})
    return list(found.items())


def _lines(keys: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in keys.items()]


def _interface(text: Any) -> str:
    try:
        if isinstance(text, str) and "/" in text:
            return str(ipaddress.ip_interface(text))
    except ValueError:
        pass
    raise _refused(f"address {text!r:.60} is none such as 10.0.0.5/24")


def _address(text: Any) -> str:
    try:
        if isinstance(text, str):
            return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    raise _refused(f"{text!r:.60} is no address such as 10.0.0.1")


def _refused(why: str) -> Refused:
    return Refused(f"no network of a box: {why}", reason="R-SETTINGS")
