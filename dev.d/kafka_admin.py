#!/usr/bin/env python3
"""A very small Kafka admin client: creates, deletes and lists topics in milliseconds.

The tools that come with Kafka start a Java machine for each call; tests that make a few topics each
cannot wait for that. Only the standard library is used, so it runs before anything is installed.

    kafka_admin.py 127.0.0.1:9092 wait [--seconds 60]
    kafka_admin.py 127.0.0.1:9092 create NAME[:PARTITIONS[:compact]] ...
    kafka_admin.py 127.0.0.1:9092 delete NAME ...
    kafka_admin.py 127.0.0.1:9092 user NAME     a SCRAM user, whose password is $KAFKA_PASSWORD
    kafka_admin.py 127.0.0.1:9092 list
"""

import argparse
import hashlib
import os
import socket
import struct
import sys
import time

METADATA, CREATE_TOPICS, DELETE_TOPICS, ALTER_USER_SCRAM_CREDENTIALS = 3, 19, 20, 51
SCRAM = {"SCRAM-SHA-256": (1, "sha256"), "SCRAM-SHA-512": (2, "sha512")}
TOPIC_ALREADY_EXISTS = 36


class KafkaError(Exception):
    """An error code in a broker's answer."""


def string(text):
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def compact(data):
    """Bytes of the newer encoding; shorter than 127."""
    return bytes([len(data) + 1]) + data


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        (value,) = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return value

    def string(self):
        size = self.take("h")
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def compact_string(self):
        size = self.take("B") - 1
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def array(self, item):
        return [item() for _ in range(self.take("i"))]


class Admin:
    def __init__(self, address, timeout=30):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, key, version, body):
        head = struct.pack(">hhi", key, version, 1) + string("weft-admin")
        self.socket.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        size = struct.unpack(">i", self.read(4))[0]
        reader = Reader(self.read(size))
        reader.take("i")  # correlation id
        return reader

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("broker closed the connection")
            data += part
        return data

    def metadata(self, topics=None):
        """Brokers, and {topic: [leader of each partition]}; all topics when none are named."""
        names = struct.pack(">i", -1) if topics is None else array([string(t) for t in topics])
        answer = self.request(METADATA, 1, names)
        brokers = answer.array(
            lambda: (answer.take("i"), answer.string(), answer.take("i"), answer.string())
        )
        answer.take("i")  # controller

        def partition():
            error, index, leader = answer.take("h"), answer.take("i"), answer.take("i")
            answer.array(lambda: answer.take("i"))
            answer.array(lambda: answer.take("i"))
            return index, leader if error == 0 else -1

        def topic():
            error, name, _ = answer.take("h"), answer.string(), answer.take("b")
            partitions = answer.array(partition)
            return name, [leader for _, leader in sorted(partitions)] if error == 0 else []

        return brokers, dict(answer.array(topic))

    def create(self, topics, timeout=30):
        """topics: {name: (partitions, {config})}. Topics that exist stay as they are."""
        body = array(
            [
                string(name)
                + struct.pack(">ih", partitions, 1)
                + array([])
                + array([string(k) + string(v) for k, v in config.items()])
                for name, (partitions, config) in topics.items()
            ]
        )
        answer = self.request(CREATE_TOPICS, 1, body + struct.pack(">i?", timeout * 1000, False))
        results = answer.array(lambda: (answer.string(), answer.take("h"), answer.string()))
        for name, error, message in results:
            if error not in (0, TOPIC_ALREADY_EXISTS):
                raise KafkaError(f"creating {name}: error {error}: {message}")
        self.wait_for_leaders(topics, timeout)
        return {name for name, error, _ in results if error == 0}

    def wait_for_leaders(self, topics, timeout=30):
        until = time.monotonic() + timeout
        while True:
            _, found = self.metadata(list(topics))
            if all(found.get(t) and -1 not in found[t] for t in topics):
                return
            if time.monotonic() > until:
                raise KafkaError(f"topics without leader: {sorted(topics)}")
            time.sleep(0.02)

    def delete(self, names, timeout=30):
        body = array([string(n) for n in names]) + struct.pack(">i", timeout * 1000)
        answer = self.request(DELETE_TOPICS, 0, body)
        for name, error in answer.array(lambda: (answer.string(), answer.take("h"))):
            if error:
                raise KafkaError(f"deleting {name}: error {error}")

    def set_password(self, user, password, mechanisms=tuple(SCRAM)):
        """A SCRAM user, new or with another password from now on (KIP-554)."""
        # A request each: brokers want a user once in one.
        for mechanism in mechanisms:
            number, digest = SCRAM[mechanism]
            salt, iterations = os.urandom(16), 4096
            salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations)
            change = compact(user.encode()) + struct.pack(">bi", number, iterations)
            change += compact(salt) + compact(salted)
            # The newer encoding: no tagged fields after header, change and request; no deletions.
            body = b"\0" + b"\x01" + b"\x02" + change + b"\0" + b"\0"
            answer = self.request(ALTER_USER_SCRAM_CREDENTIALS, 0, body)
            answer.take("b")
            answer.take("i")  # throttled
            answer.take("B")  # one result
            answer.compact_string()
            error = answer.take("h")
            if error:
                raise KafkaError(f"{mechanism} of {user}: error {error}: {answer.compact_string()}")


def wait(address, seconds):
    """Returns once a broker answers there and knows itself."""
    until = time.monotonic() + seconds
    while True:
        try:
            with Admin(address, timeout=5) as admin:
                if admin.metadata([])[0]:
                    return
        except (OSError, struct.error):
            pass
        if time.monotonic() > until:
            raise KafkaError(f"no broker at {address} within {seconds} s")
        time.sleep(0.1)


def parse_topic(text):
    name, *rest = text.split(":")
    partitions = int(rest[0]) if rest else 1
    config = {"cleanup.policy": "compact"} if "compact" in rest[1:] else {}
    return name, (partitions, config)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("command", choices=["wait", "create", "delete", "user", "list"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=float, default=60)
    args = parser.parse_args()
    try:
        if args.command == "wait":
            wait(args.address, args.seconds)
            return
        with Admin(args.address) as admin:
            if args.command == "create":
                made = admin.create(dict(parse_topic(n) for n in args.names))
                for name in made:
                    print(f"created topic {name}")
            elif args.command == "delete":
                admin.delete(args.names)
            elif args.command == "user":
                for name in args.names:
                    admin.set_password(name, os.environ["KAFKA_PASSWORD"])
            else:
                for name, leaders in sorted(admin.metadata()[1].items()):
                    print(f"{name} {len(leaders)}")
    except (OSError, KafkaError) as error:
        sys.exit(f"kafka_admin: {args.address}: {error}")


if __name__ == "__main__":
    main()
