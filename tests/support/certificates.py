"""Certificates for tests, made with the openssl command."""

import time
from pathlib import Path

from support.process import run

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
RSA = ["-newkey", "rsa:2048", "-nodes"]
PASSWORD = "generated"


def openssl(*args, cwd):
    done = run(["openssl", *args], cwd=cwd, timeout=60)
    assert done.code == 0, f"openssl {args}: {done.err}"
    return done.out


class Authority:
    """A CA in a folder: NAME.crt, and what it signs beside it."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = Path(folder), name
        self.folder.mkdir(exist_ok=True)
        openssl("req", "-x509", *EC, "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "30", "-subj",
                f"/CN=Test {name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign", cwd=self.folder)  # fmt: skip

    @property
    def file(self):
        return self.folder / f"{self.name}.crt"

    def issue(self, name, *, dns=(), ip=(), uri=(), subject=None, key=EC, expired=False, seconds=None):
        """NAME.key, NAME.crt and NAME.pem, which is both. `subject`: "/OU=north/CN=NAME"; with `seconds` to live, only its CN counts."""
        san = ",".join([*(f"DNS:{n}" for n in dns), *(f"IP:{a}" for a in ip), *(f"URI:{u}" for u in uri)])
        extensions = f"basicConstraints=critical,CA:FALSE\n{f'subjectAltName={san}' if san else ''}\n"
        (self.folder / f"{name}.ext").write_text(extensions)
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject or f"/CN={name}", cwd=self.folder)
        if expired:
            self.sign_for(name, "20200101000000Z", "20210101000000Z")
        elif seconds:
            self.sign_for(name, "20200101000000Z", time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds)))
        else:
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", self.file, "-CAkey", f"{self.name}.key", "-CAcreateserial",
                    "-days", "30", "-extfile", f"{name}.ext", "-out", f"{name}.crt", cwd=self.folder)  # fmt: skip
        pem = self.folder / f"{name}.pem"
        pem.write_text((self.folder / f"{name}.key").read_text() + (self.folder / f"{name}.crt").read_text())
        return pem

    def sign_for(self, name, begin, end):
        # `openssl x509` of 3.0 knows no dates, `openssl ca` does.
        self.keep_index("")
        openssl("ca", "-batch", "-config", "ca.cnf", "-in", f"{name}.csr", "-cert", self.file, "-keyfile", f"{self.name}.key",
                "-startdate", begin, "-enddate", end, "-extfile", f"{name}.ext", "-notext",
                "-out", f"{name}.crt", cwd=self.folder)  # fmt: skip

    def keep_index(self, lines):
        """The database of `openssl ca` and `openssl ocsp`."""
        (self.folder / "index.txt").write_text(lines)
        (self.folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\n"
            "policy=p\nunique_subject=no\ndefault_crl_days=30\n[p]\ncommonName=supplied\n"
        )

    def index_line(self, name, *, revoked=False):
        serial = openssl("x509", "-in", f"{name}.crt", "-noout", "-serial", cwd=self.folder).strip().split("=")[1]
        state, when = ("R", "240101000000Z") if revoked else ("V", "")
        return f"{state}\t400101000000Z\t{when}\t{serial}\tunknown\t/CN={name}\n"

    def crl(self, *revoked):
        """crl.pem, with these in it."""
        self.keep_index("".join(self.index_line(name, revoked=True) for name in revoked))
        openssl("ca", "-config", "ca.cnf", "-gencrl", "-cert", self.file, "-keyfile", f"{self.name}.key", "-out", "crl.pem",
                cwd=self.folder)  # fmt: skip
        return self.folder / "crl.pem"

    def ocsp(self, name):
        """NAME.ocsp, a response that says it is good."""
        self.keep_index(self.index_line(name))
        openssl("ocsp", "-issuer", self.file, "-cert", f"{name}.crt", "-no_nonce", "-reqout", "request.der", cwd=self.folder)
        openssl("ocsp", "-index", "index.txt", "-rsigner", self.file, "-rkey", f"{self.name}.key", "-CA", self.file, "-ndays", "5",
                "-reqin", "request.der", "-respout", f"{name}.ocsp", cwd=self.folder)  # fmt: skip
        return self.folder / f"{name}.ocsp"

    def p12(self, name):
        """NAME.p12 with the alias NAME."""
        openssl("pkcs12", "-export", "-inkey", f"{name}.key", "-in", f"{name}.crt", "-name", name, "-passout",
                f"pass:{PASSWORD}", "-out", f"{name}.p12", cwd=self.folder)  # fmt: skip
        return self.folder / f"{name}.p12"
