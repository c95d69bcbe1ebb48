"""Certificates for tests, made with the openssl command."""

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

    def issue(self, name, *, dns=(), key=EC, expired=False):
        """NAME.key, NAME.crt and NAME.pem, which is both."""
        san = ",".join(f"DNS:{n}" for n in dns)
        extensions = f"basicConstraints=critical,CA:FALSE\n{f'subjectAltName={san}' if san else ''}\n"
        (self.folder / f"{name}.ext").write_text(extensions)
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=self.folder)
        if expired:
            self.sign_long_ago(name)
        else:
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", self.file, "-CAkey", f"{self.name}.key", "-CAcreateserial",
                    "-days", "30", "-extfile", f"{name}.ext", "-out", f"{name}.crt", cwd=self.folder)  # fmt: skip
        pem = self.folder / f"{name}.pem"
        pem.write_text((self.folder / f"{name}.key").read_text() + (self.folder / f"{name}.crt").read_text())
        return pem

    def sign_long_ago(self, name):
        # `openssl x509` of 3.0 knows no dates, `openssl ca` does.
        (self.folder / "index.txt").write_text("")
        (self.folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\n"
            "policy=p\nunique_subject=no\n[p]\ncommonName=supplied\n"
        )
        openssl("ca", "-batch", "-config", "ca.cnf", "-in", f"{name}.csr", "-cert", self.file, "-keyfile", f"{self.name}.key",
                "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-extfile", f"{name}.ext", "-notext",
                "-out", f"{name}.crt", cwd=self.folder)  # fmt: skip

    def p12(self, name):
        """NAME.p12 with the alias NAME."""
        openssl("pkcs12", "-export", "-inkey", f"{name}.key", "-in", f"{name}.crt", "-name", name, "-passout",
                f"pass:{PASSWORD}", "-out", f"{name}.p12", cwd=self.folder)  # fmt: skip
        return self.folder / f"{name}.p12"
