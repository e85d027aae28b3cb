"""The forms that secrets have, and the harmless texts that look like them.

A form is a regular expression.  Some begin as names of packages and prose do; a match
of such a form counts only if something in it is no word.  Every other match is a
secret, whatever its author meant by it.

Invariant: a text that is no secret by these forms may still be one by its value, which
`tlog.attest.redaction` looks for.
"""

import re
from typing import Final

from tlog.attest.urls import find_credentials

# How tools name a document about a package: sk-learn-3e671687-...
_NAME_AND_UUID: Final = (
    r"[a-z]{4,12}(?:-[a-z]{2,12}){0,4}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)

# Each form stands in one group, whose name is the reason that people read.  Most have
# no border in front: a secret may stand right behind a letter.
_FORMS: Final = {
    "AWS key": r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[0-9A-Z]{16}",
    "GitHub token": r"gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}",
    "GitLab token": r"gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat)-[\w=.-]{16,}",
    "Slack token": r"xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}",
    "Slack hook": r"hooks\.slack\.com/services/\S+",
    "Google key": r"AIza[\w-]{30,}|ya29\.[\w-]{16,}|GOCSPX-[\w-]{16,}",
    "npm token": r"npm_[A-Za-z0-9]{30,}",
    "PyPI token": r"pypi-AgE[\w-]{16,}",
    "Docker token": r"dckr_(?:pat|oat)_[\w-]{16,}",
    "Stripe key": r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "SendGrid key": r"SG\.[\w-]{16,}\.[\w-]{16,}",
    "API key": r"sk-(?:proj|ant|svcacct|admin|or)-[\w-]{16,}"
    rf"|(?<![A-Za-z])sk-(?!{_NAME_AND_UUID})(?=[\w-]{{0,40}}[0-9])[\w-]{{20,}}",
    "Hugging Face token": r"hf_[A-Za-z0-9]{30,}",
    "Vault token": r"hv[sbr]\.[\w-]{20,}",
    "web token": r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
    "private key": r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY|PRIVATE\+KEY\+|AGE-SECRET-KEY-1",
    # The name of the header leaves no doubt that what follows is no prose.
    "authorization header": r"(?i:authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?"
    r"(?:bearer|basic)\s+(?=[\w.~+/=-]{0,200}[0-9])[\w.~+/=-]{12,})",
    "authorization": r"(?i:(?:bearer|basic)\s+"
    r"(?=[\w.~+/=-]{0,200}[0-9])[\w.~+/=-]{12,})",
    "Atlassian token": r"ATATT[\w=-]{16,}",
    "DigitalOcean token": r"do[opr]_v1_[0-9a-f]{32,}",
    "Grafana token": r"gl(?:sa|c)_[A-Za-z0-9_=]{20,}",
    "Databricks token": r"dapi[0-9a-f]{32}",
    "Shopify token": r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{16,}",
    "Square token": r"sq0(?:atp|csp|idp)-[\w-]{16,}",
    "RubyGems key": r"rubygems_[0-9a-f]{32,}",
    "Linear key": r"lin_(?:api|oauth)_[A-Za-z0-9]{16,}",
    # A digest of a signature, and the place of a value that is still to come, are none.
    "secret in a parameter": r"(?i:(?:token|secret|passw(?:or)?d|api_?key|access_?key"
    r"|accountkey|(?:signature|sig)(?!=sha[0-9]{1,3}[-:]))"
    r"=(?!\$\{\w+\}|\{\{[^}]*\}\}|<[\w -]+>|\*{3})[^\s&;]{6,})",
}
_REASONS: Final = tuple(_FORMS)
_FORM: Final = re.compile("|".join(f"({form})" for form in _FORMS.values()))

_WORDY: Final = frozenset(
    (
        *("GitLab token", "Slack token", "SendGrid key", "API key", "Vault token"),
        *("authorization",),
    )
)
# token2header, es2015, base64url, NotFoundError, SNAPSHOT, 2024.
_WORD: Final = re.compile(
    r"[A-Z]?[a-z]{0,20}(?:[A-Z][a-z]{2,12}){0,4}(?:[0-9]{0,3}[a-z]{1,12}|[0-9]{0,4})"
    r"|[A-Z]{1,8}[0-9]{0,3}"
)
_WORD_BORDER: Final = re.compile(r"[^A-Za-z0-9]+")


def form_of(text: str) -> str | None:
    """Return the name of the first form in a text that is a secret's; None for none."""
    for credentials in find_credentials(text):
        return f"{'password' if credentials.has_password else 'token'} in a URL"
    for found in _FORM.finditer(text):
        reason = _REASONS[(found.lastindex or 1) - 1]
        if reason not in _WORDY or not _is_prose(found[0]):
            return reason
    return None


def _is_prose(text: str) -> bool:
    """Tell whether a text is made of words: of letters, with few digits among them."""
    return all(_WORD.fullmatch(it) for it in _WORD_BORDER.split(text))
