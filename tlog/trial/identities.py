"""An identity provider: makes the tokens that a Fulcio believes."""

import time
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tlog.trial.certificates import new_key

AUDIENCE = "sigstore"


@dataclass(frozen=True)
class IdentityProvider:
    """Signs by a key that its Fulcio knows; clients only decode."""

    issuer: str = "https://oidc.example"
    _key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def token(self, email: str) -> str:
        """Return a token of this person for the next ten minutes."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": email,
            "aud": AUDIENCE,
            "email": email,
            "email_verified": True,
            "iat": now,
            "exp": now + 600,
        }
        return jwt.encode(claims, self._key, algorithm="ES256")

    def email(self, token: str) -> str:
        """Return whose token this is; jwt.InvalidTokenError if it is not ours."""
        claims = jwt.decode(
            token, self._key.public_key(), algorithms=["ES256"], audience=AUDIENCE
        )
        return str(claims["email"])
