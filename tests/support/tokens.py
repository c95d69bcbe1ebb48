"""JSON Web Tokens for tests, signed with the openssl command."""

import base64
import hashlib
import hmac
import json
import subprocess
import time
from pathlib import Path

KEYS = {
    "RS256": ("RSA", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    "PS256": ("RSA", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    "ES256": ("EC", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    "EdDSA": ("OKP", ["-algorithm", "ED25519"]),
    "HS256": ("oct", None),
}


def base64url(raw):
    raw = raw if isinstance(raw, bytes) else raw.encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def openssl(*args, input=None):
    return subprocess.run(["openssl", *map(str, args)], input=input, capture_output=True, check=True).stdout


def raw_of_der(signature):
    """The two numbers of an ECDSA signature on P-256, behind each other."""
    numbers, at = [], 2
    for _ in range(2):
        size = signature[at + 1]
        numbers.append(signature[at + 2 : at + 2 + size].lstrip(b"\0").rjust(32, b"\0"))
        at += 2 + size
    return b"".join(numbers)


class Issuer:
    """A key in a folder, what it publishes, and tokens of it."""

    issuer, audience = "https://auth.example.com", "https://api.example.com"

    def __init__(self, folder, alg="RS256", kid="k1"):
        self.alg, self.kid = alg, kid
        self.kty, how = KEYS[alg]
        self.file = Path(folder) / f"{kid}.pem"
        if how:
            openssl("genpkey", *how, "-out", self.file)
        else:
            self.file.write_bytes(b"0123456789abcdef0123456789abcdef")

    def jwk(self):
        out = {"kty": self.kty, "kid": self.kid, "alg": self.alg, "use": "sig"}
        if self.kty == "oct":
            return {**out, "k": base64url(self.file.read_bytes())}
        if self.kty == "RSA":
            modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus").decode().split("=")[1]
            return {**out, "n": base64url(bytes.fromhex(modulus.strip())), "e": "AQAB"}
        public = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")
        if self.kty == "EC":
            return {**out, "crv": "P-256", "x": base64url(public[-64:-32]), "y": base64url(public[-32:])}
        return {**out, "crv": "Ed25519", "x": base64url(public[-32:])}

    def sign(self, text):
        if self.kty == "oct":
            return hmac.new(self.file.read_bytes(), text, hashlib.sha256).digest()
        if self.kty == "OKP":
            message = self.file.with_suffix(".message")
            message.write_bytes(text)
            return openssl("pkeyutl", "-sign", "-inkey", self.file, "-rawin", "-in", message)
        pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1"] if self.alg == "PS256" else []
        signature = openssl("dgst", "-sha256", *pss, "-sign", self.file, input=text)
        return raw_of_der(signature) if self.kty == "EC" else signature

    def token(self, sub="anna", *, seconds=600, header=None, **claims):
        head = {"alg": self.alg, "kid": self.kid, "typ": "JWT", **(header or {})}
        body = {"iss": self.issuer, "aud": self.audience, "sub": sub, "scope": "mqtt:stream", "exp": time.time() + seconds, **claims}
        text = f"{base64url(json.dumps(head))}.{base64url(json.dumps(body))}"
        return f"{text}.{base64url(self.sign(text.encode()))}"
