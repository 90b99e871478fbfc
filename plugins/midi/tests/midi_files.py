"""Builds MIDI files byte by byte."""

import struct

END_OF_TRACK = b"\x00\xff\x2f\x00"


def variable_length(number: int) -> bytes:
    """Return a number as a variable-length quantity, as delta times are stored."""
    result = [number & 0x7F]
    while number := number >> 7:
        result.insert(0, (number & 0x7F) | 0x80)
    return bytes(result)


def note_on(delta: int, pitch: int, velocity: int = 80, channel: int = 0) -> bytes:
    return variable_length(delta) + bytes([0x90 | channel, pitch, velocity])


def note_off(delta: int, pitch: int, channel: int = 0) -> bytes:
    return variable_length(delta) + bytes([0x80 | channel, pitch, 0])


def program_change(delta: int, program: int, channel: int = 0) -> bytes:
    return variable_length(delta) + bytes([0xC0 | channel, program])


def control_change(delta: int, control: int, value: int, channel: int = 0) -> bytes:
    return variable_length(delta) + bytes([0xB0 | channel, control, value])


def set_tempo(delta: int, microseconds: int) -> bytes:
    return variable_length(delta) + b"\xff\x51\x03" + microseconds.to_bytes(3, "big")


def time_signature(delta: int, numerator: int, denominator_power: int) -> bytes:
    return variable_length(delta) + bytes([0xFF, 0x58, 4, numerator, denominator_power, 24, 8])


def midi_file(*tracks: bytes, file_format: int = 1, division: int = 480) -> bytes:
    """Return a Standard MIDI File."""
    header = b"MThd" + struct.pack(">IHHH", 6, file_format, len(tracks), division)
    return header + b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)
