"""What a scanner says of a tls server: sslyze, with its known attacks and Mozilla's intermediate configuration."""

import json
import subprocess
import sys

import pytest
from support.certificates import RSA, Authority
from support.ports import free_port
from support.weft import BUILD, Weft

COMMANDS = ("sslv2", "sslv3", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "heartbleed", "openssl_ccs", "robot", "compression",
            "fallback", "early_data", "ems", "reneg", "resum")  # fmt: skip


@pytest.fixture(scope="module", params=["ecdsa", "rsa"])
def scanned(request, tmp_path_factory):
    """The scanner's findings, with a key of each kind."""
    folder, port = tmp_path_factory.mktemp("pki"), free_port()
    ca = Authority(folder, "ca")
    ca.issue("localhost", dns=["localhost"], **({"key": RSA} if request.param == "rsa" else {}))
    config = f"""
name: test
vaults:
  v: {{type: filesystem, options: {{keys: {{store: {folder}/localhost.pem, type: pem}}}}}}
bindings:
  tcp_server: {{type: tcp, kind: server, options: {{host: 127.0.0.1, port: {port}}}, exit: tls_server}}
  tls_server: {{type: tls, kind: server, vault: v, options: {{keys: [localhost]}}, exit: app}}
  app: {{type: echo, kind: server}}
"""
    with Weft(config, port=port, args=["--plugins", BUILD / "examples"]).wait_listening():
        found = folder / "found.json"
        scan = [sys.executable, "-m", "sslyze", f"localhost:{port}"]
        done = subprocess.run([*scan, "--mozilla_config=disable", f"--json_out={found}", *(f"--{c}" for c in COMMANDS)],
                              capture_output=True, text=True, timeout=300)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        server = json.loads(found.read_text())["server_scan_results"][0]
        assert server["scan_status"] == "COMPLETED", server
        mozilla = subprocess.run([*scan, "--mozilla_config=intermediate", f"--certinfo_ca_file={ca.file}"],
                                 capture_output=True, text=True, timeout=300)  # fmt: skip
        return mozilla, server["scan_result"]


def of(scanned, command):
    assert scanned[1][command]["status"] == "COMPLETED", scanned[1][command]
    return scanned[1][command]["result"]


@pytest.mark.parametrize("version", ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"])
def test_old_versions(scanned, version):
    assert not of(scanned, f"{version}_cipher_suites")["accepted_cipher_suites"]


def test_new_versions_keep_the_future_secret(scanned):
    for version in ("tls_1_2", "tls_1_3"):
        accepted = [c["cipher_suite"]["name"] for c in of(scanned, f"{version}_cipher_suites")["accepted_cipher_suites"]]
        assert accepted and all(version == "tls_1_3" or name.startswith(("TLS_ECDHE_", "TLS_DHE_")) for name in accepted), accepted
        assert not [name for name in accepted if "CBC" in name or "NULL" in name or "RC4" in name or "3DES" in name]


def test_known_attacks(scanned):
    assert of(scanned, "heartbleed")["is_vulnerable_to_heartbleed"] is False
    assert of(scanned, "openssl_ccs_injection")["is_vulnerable_to_ccs_injection"] is False
    assert of(scanned, "robot")["robot_result"].startswith("NOT_VULNERABLE")
    assert of(scanned, "tls_compression")["supports_compression"] is False
    assert of(scanned, "tls_fallback_scsv")["supports_fallback_scsv"] is True
    assert of(scanned, "tls_1_3_early_data")["supports_early_data"] is False, "what is said early can be said again"
    assert of(scanned, "tls_extended_master_secret")["supports_ems_extension"] is True


def test_renegotiation(scanned):
    said = of(scanned, "session_renegotiation")
    assert said["supports_secure_renegotiation"] is True
    assert said["is_vulnerable_to_client_renegotiation_dos"] is False


def test_resumption(scanned):
    said = of(scanned, "session_resumption")
    assert "FULLY_SUPPORTED" in (said["session_id_resumption_result"], said["tls_ticket_resumption_result"])


def test_mozilla_intermediate(scanned):
    assert scanned[0].returncode == 0 and "Not compliant" not in scanned[0].stdout, scanned[0].stdout
