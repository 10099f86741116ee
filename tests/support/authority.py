"""A certificate authority of a test's own, whose certificates have every extension that RFC 5280 demands.

From Python 3.13 on `ssl.create_default_context` refuses the others (`VERIFY_X509_STRICT`).
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK: Final = "127.0.0.1"
_SIGNS: Final = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


class Authority:
    """An authority that signs certificates into a folder, beside its own, `ca.pem`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca = folder / "ca.pem"
        public = self._key.public_key()
        own = _begun("invented authority", public, (-1, 30))
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        own = own.add_extension(_SIGNS, critical=True)
        own = own.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        self.ca.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def sign(self, name: str, *, days: tuple[int, int] = (-1, 30), host: str = LOOPBACK) -> tuple[Path, Path]:
        """A certificate, NAME.pem, and its key, NAME.key, between two days from today on.

        It is for loopback, *host* and the name arlo-rec-NAME.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        made = _begun(name, key.public_key(), days)
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        made = made.add_extension(above, critical=False)
        addresses = [x509.IPAddress(ipaddress.ip_address(each)) for each in sorted({LOOPBACK, host})]
        names = [x509.DNSName("localhost"), x509.DNSName(f"arlo-rec-{name}")]
        alternatives = x509.SubjectAlternativeName([*addresses, *names])
        made = made.add_extension(alternatives, critical=False)
        certificate, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        secret.write_bytes(key.private_bytes(*form))
        return certificate, secret


def _begun(subject: str, key: ec.EllipticCurvePublicKey, days: tuple[int, int]) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "invented authority")])
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )
