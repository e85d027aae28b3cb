"""An identity provider: makes the tokens that a Fulcio believes."""

import secrets
import time
from dataclasses import dataclass, field

import jwt

AUDIENCE = "sigstore"


@dataclass(frozen=True)
class IdentityProvider:
    """Signs by a secret that its Fulcio shares; clients only decode."""

    issuer: str = "https://oidc.example"
    _secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

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
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def email(self, token: str) -> str:
        """Return whose token this is; jwt.InvalidTokenError if it is not ours."""
        claims = jwt.decode(
            token, self._secret, algorithms=["HS256"], audience=AUDIENCE
        )
        return str(claims["email"])
