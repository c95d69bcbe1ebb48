"""Headers of the PROXY protocol, version 2 (proxy-protocol.txt): what a load balancer says of a connection that it passes on."""

import socket
import struct

V4 = socket.inet_aton("192.0.2.7") + socket.inet_aton("10.0.0.1") + struct.pack(">HH", 5000, 443)


def v2(command, family, rest):
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, family]) + struct.pack(">H", len(rest)) + rest


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def certificate(name, *, client=3, verify=0):
    """A header for a connection in which this certificate was shown; see 2.2.5 there."""
    names = tlv(0x21, b"TLSv1.3") + tlv(0x22, name.encode()) + tlv(0x23, b"TLS_AES_128_GCM_SHA256")
    return v2(0x21, 0x11, V4 + tlv(0x02, b"mqtt.example.com") + tlv(0x20, struct.pack(">BI", client, verify) + names))
