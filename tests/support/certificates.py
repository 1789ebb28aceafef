"""Certificates for one test run: who signs, who is signed, as PEM files."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """A certificate and its key, in files of their own and in one together."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates.

    Args:
        folder: where the files go.
        name: of the authority.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(*(True,), *(False,) * 4, key_cert_sign=True, crl_sign=True,
                              encipher_only=False, decipher_only=False)  # fmt: skip
        made = (
            _begun(self._name, self._name, self._key.public_key(), DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def sign(
        self,
        name: str,
        *,
        host: str | None = "127.0.0.1",
        valid: timedelta = DAY,
        password: str | None = None,
    ) -> Signed:
        """Return a new certificate.

        Args:
            name: of the files.
            host: an address or a name that it is for.
            valid: how long from now; less than nothing: it has expired.
            password: of the key file.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        begun = _begun(_named(name), self._name, key.public_key(), valid)
        if host is not None:
            begun = begun.add_extension(x509.SubjectAlternativeName([_host(host)]), critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        begun = begun.add_extension(identifier, critical=False)
        certificate = begun.sign(self._key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM
        )
        kept: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password is not None:
            kept = serialization.BestAvailableEncryption(password.encode())
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kept
        )
        made = Signed(
            *(self._folder / f"{name}{ending}" for ending in (".pem", ".key.pem", ".both.pem"))
        )
        made.certificate.write_bytes(certificate)
        made.key.write_bytes(secret)
        made.both.write_bytes(secret + certificate)
        return made


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * DAY)
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
