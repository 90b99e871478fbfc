"""MIDI files made by hand, byte by byte."""

import struct


def quantity(number: int) -> bytes:
    """Return a number of variable length, as delta times are written."""
    found = [number & 0x7F]
    while number := number >> 7:
        found.insert(0, (number & 0x7F) | 0x80)
    return bytes(found)


def on(wait: int, pitch: int, velocity: int = 80, channel: int = 0) -> bytes:
    return quantity(wait) + bytes([0x90 | channel, pitch, velocity])


def off(wait: int, pitch: int, channel: int = 0) -> bytes:
    return quantity(wait) + bytes([0x80 | channel, pitch, 0])


def program(wait: int, number: int, channel: int = 0) -> bytes:
    return quantity(wait) + bytes([0xC0 | channel, number])


def control(wait: int, number: int, value: int, channel: int = 0) -> bytes:
    return quantity(wait) + bytes([0xB0 | channel, number, value])


def tempo(wait: int, microseconds: int) -> bytes:
    return quantity(wait) + b"\xff\x51\x03" + microseconds.to_bytes(3, "big")


def meter(wait: int, top: int, power: int) -> bytes:
    return quantity(wait) + bytes([0xFF, 0x58, 4, top, power, 24, 8])


END = b"\x00\xff\x2f\x00"


def smf(*tracks: bytes, kind: int = 1, division: int = 480) -> bytes:
    """Return a Standard MIDI File."""
    header = b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division)
    return header + b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)
