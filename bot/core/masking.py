"""Secrets and personal data out of a text, before a model, an index or a log sees it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.core.check_digits import is_card, is_cnpj, is_cpf, is_iban

SECRET, EMAIL, PHONE, CARD = "[secret]", "[e-mail]", "[phone]", "[card]"
CPF, CNPJ, IBAN = "[CPF]", "[CNPJ]", "[IBAN]"

Check = Callable[[re.Match[str]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What is found by `pattern`, and passes `check`, becomes `by`; with a group `value` only that does."""

    pattern: re.Pattern[str]
    by: str
    check: Check = bool
    in_documentation: Check | None = None  #: the check there, where it is another
    needs: str = ""  #: a text without it is not searched

    def apply(self, text: str, *, is_documentation: bool) -> str:
        """The text with placeholders."""
        check = (self.in_documentation if is_documentation else None) or self.check

        def replace(found: re.Match[str]) -> str:
            if not check(found):
                return found[0]
            if "value" not in self.pattern.groupindex:
                return self.by
            start, end = (place - found.start() for place in found.span("value"))
            return f"{found[0][:start]}{self.by}{found[0][end:]}"

        return self.pattern.sub(replace, text) if self.needs in text else text


def mask(text: str, *, is_documentation: bool = False) -> str:
    """The same text with placeholders; versions, hashes, ids and holders such as <token> stay. Idempotent.

    An IP address stays: it looks like a version, a question about a network is about it, and it names a
    machine. A role's address (`support@`) names nobody. Documentation shows samples and contacts on purpose:
    there, an address stays unless it is plainly a person's, and a password unless it looks generated.
    """
    masked, before = text if is_documentation else text.translate(_UNSEEN), ""
    while masked != before:  # what stood beside a secret can only now be seen as one
        before = masked
        for rule in _RULES:
            masked = rule.apply(masked, is_documentation=is_documentation)
    return masked


# -- secrets that show what they are -------------------------------------------

_FORMS = (
    r"xox[a-z](?:\.xox[a-z])?-[\w.%-]{8,}",  # Slack: https://docs.slack.dev/authentication/tokens
    r"xapp-\d-[\w-]{8,}",
    r"gh[pousr]_[A-Za-z0-9_]{30,}",  # GitHub
    r"github_pat_\w{30,}",
    r"glpat-[\w-]{20,}",  # GitLab
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"whsec_[A-Za-z0-9+/=]{16,}",
    r"sk-[A-Za-z0-9][\w-]{18,}",  # OpenAI, Anthropic
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # Amazon: the key's id
    r"AIza[\w-]{35}",  # Google
    r"GOCSPX-[\w-]{20,}",
    r"ya29\.[\w-]{20,}",
    r"hf_[A-Za-z0-9]{30,}",  # Hugging Face
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{50,}",
    r"dop_v1_[a-f0-9]{64}",  # DigitalOcean
    r"hv[sb]\.[\w-]{24,}",  # HashiCorp Vault
    r"SG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",  # JWT: a header always begins with {"
    r"[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,}",  # Discord: https://docs.discord.com/developers/reference
)
_FORMED = re.compile(rf"(?<![\w-])(?:{'|'.join(_FORMS)})")
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----(?P<body>.*?)(?:-----END [A-Z0-9 ]{0,40}-----|\Z)",
    re.DOTALL,
)
_SHORTEST_BODY = 40  #: of a private key; less is a sketch of one
_SLACK_HOOK = re.compile(r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/(?P<value>[\w/-]{20,})")
_SCHEME = re.compile(
    r"\b(?:Bearer|Basic|Token|Splunk|ApiKey|Negotiate)\s+(?P<value>[A-Za-z0-9\-._~+/]{12,}=*)", re.IGNORECASE
)
_IN_URL = re.compile(
    r"[a-z][a-z0-9+.-]*://(?P<user>[^\s/?#:@\"'<>]*):(?P<value>[^\s/?#@\"'<>]+)@(?=[\w\[$<{])", re.IGNORECASE
)

# -- secrets by their name -------------------------------------------------------

_SPOKEN = r"pass(?:word|wd|phrase|code)|pwd|senha|contraseña|secret|segredo"
_KEY = (
    r"(?:api|access|secret|private|account|signing|encryption|shared|auth|master|admin|subscription|routing"
    r"|integration|service|client|storage|app)[ _.-]?key|token|credentials?|chave(?: de (?:api|acesso))?"
    r"|signature|\b(?:sig|sas|cookie)|session[ _-]?id"
)
_NAMED = re.compile(
    rf"(?:(?P<password>{_SPOKEN})|(?:{_KEY}))[\"'`\]]{{0,3}}"
    # "=", ": ", " is "; what ends a value depends on how it is quoted
    r"(?P<sign>\s{0,3}(?:=>|:=|[=:])\s{0,3}|\s+(?:is|was|are|é|era|es)\s*:?\s+)"
    r"(?P<quote>[\"'`]?)(?P<value>[^\s\"'`<>&;,]+)",
    re.IGNORECASE,
)
_OPTION = re.compile(  # --password x
    rf"(?<!\S)--?[\w-]{{0,40}}?(?:(?P<password>{_SPOKEN})|(?:{_KEY}))(?P<sign>[ ])"
    r"(?P<quote>[\"'`]?)(?P<value>[^\s\"'`<>&;,]+)",
    re.IGNORECASE,
)
_BESIDE = re.compile(  # "password hunter2abc": nothing but a space between them
    rf"(?:(?P<password>{_SPOKEN}|\bpw)|(?:{_KEY}))(?P<sign>\s+|=)(?P<quote>)(?P<value>[^\s\"'`<>]{{10,}})",
    re.IGNORECASE,
)
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))  #: signs that hide a name from us
_SAMPLE = re.compile(
    r"your|my|example|sample|test|change|placeholder|dummy|fake|secret|pass|token|key|foo|bar|demo|redacted"
    r"|default|admin|user|value|string|name|here|true|false|null|none|secure|env|var|config|ref|some|alice|abc"
    r"|oauth|basic|senha|segredo|exemplo|sua|seu|minha|meu",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Za-zÀ-ÿ]{0,16}\d{0,4}(?:[-_./:+][A-Za-zÀ-ÿ]{0,16}\d{0,4})*[.!?)]*")
_HOLDER = re.compile(
    r"[$<{%*\[(\\.#@|].*|[xX*._\-•…]+|.*(?:\.\.\.|…|\*\*\*|x{5}|X{5}|\$\{|\{\{|%\().*"
    r"|[A-Za-z_][\w.]*[._]\w*\(.*|\w*\(\)"  # a call
)
_PLACE = re.compile(
    r"(?:~?/|\.{1,2}/|[a-z]+://|file:).*|.*\.(?:pem|key|crt|cer|json|ya?ml|txt|jks|p12|py|properties)"
)
_SHORTEST_PASSWORD, _SHORTEST_KEY = 6, 12
_BITS = 2.7  #: of entropy in a sign, that a key has and a word repeated has not


def _is_secret(found: re.Match[str]) -> bool:
    if found["password"] is None:
        return _is_generated(found)
    value = _value(found)
    return len(value) >= _SHORTEST_PASSWORD and (_is_unlike_words(value) or _is_tight(found))


def _is_beside(found: re.Match[str]) -> bool:
    """Prose goes on after such a word: only what no prose looks like is taken for a secret."""
    value = _value(found)
    has_both = any(sign.isdecimal() for sign in value) and any(sign.isalpha() for sign in value)
    return has_both and not _WORDS.fullmatch(value) and _entropy(value) >= _BITS


def _never(_: re.Match[str]) -> bool:
    return False


def _is_generated(found: re.Match[str]) -> bool:
    value = _value(found)
    return not _WORDS.fullmatch(value) and _is_key(value)


def _value(found: re.Match[str]) -> str:
    """The value without the sentence's own signs; empty when it only holds the place of one."""
    value = found["value"].rstrip(").!?:]}")
    is_held = any(form.fullmatch(shown) for form in (_HOLDER, _PLACE) for shown in (value, found["value"]))
    return "" if is_held else value


def _is_unlike_words(value: str) -> bool:
    return not value.isdecimal() and (not _WORDS.fullmatch(value) or any(sign.isdecimal() for sign in value))


def _is_tight(found: re.Match[str]) -> bool:
    """Written as a program reads it: KEY=value, "key": "value"."""
    return found["sign"] == "=" or bool(found["quote"])


def _is_key(value: str) -> bool:
    return (
        len(value) >= _SHORTEST_KEY
        and any(sign.isdecimal() for sign in value)
        and any(sign.isalpha() for sign in value)
        and _entropy(value) >= _BITS
    )


def _is_bearer(found: re.Match[str]) -> bool:
    value = found["value"]
    return not _WORDS.fullmatch(value) and not _HOLDER.fullmatch(value) and _is_key(value)


def _is_in_url(found: re.Match[str]) -> bool:
    return not _HOLDER.fullmatch(found["value"])


def _is_no_sample(found: re.Match[str]) -> bool:
    user, value = found["user"], found["value"]
    is_sample = user == value or (_WORDS.fullmatch(value) and _SAMPLE.search(value))
    return _is_in_url(found) and not is_sample


def _is_formed(found: re.Match[str]) -> bool:
    return not (found[0].startswith("sk-") and _WORDS.fullmatch(found[0]))


def _is_private_key(found: re.Match[str]) -> bool:
    return len(re.sub(r"[^A-Za-z0-9+/]", "", found["body"])) >= _SHORTEST_BODY


def _entropy(text: str) -> float:
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


# -- people ----------------------------------------------------------------------

_ADDRESS = re.compile(
    r"(?<![\w.+%@$}-])(?P<local>[A-Za-z0-9](?:[\w.+%'-]{0,62}[\w+-])?)"
    r"@(?P<host>(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24})(?![\w@-])"
)
# RFC 2606 and RFC 6761: names that belong to nobody
_NOBODYS = re.compile(
    r"(?:.*\.)?(?:example(?:\.\w+)?|test|invalid|localhost|local|internal|svc)", re.IGNORECASE
)
_ROLES = frozenset(
    (  # noqa: SIM905 - as a list it takes forty lines
        "abuse|admin|administrator|ajuda|announce|billing|commits|contact|contato|dev|git|hello|help|info|issues"
        "|jobs|legal|no-reply|noreply|notifications|postmaster|press|privacy|private|root|sales|security"
        "|seguranca|subscribe|suporte|support|team|unsubscribe|user|users|vendas|webmaster"
    ).split("|")
)
_TELEPHONES = (
    # E.164 as people write it
    r"\+[1-9]\d{0,2}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,5}){1,4}",
    r"\(\d{2}\) ?9? ?\d{4}[ -]?\d{4}",  # Brazil
    r"\d{2} 9\d{4}-\d{4}",
    r"\(\d{3}\) ?\d{3}[ .-]\d{4}",  # North America
    r"\d{3}-\d{3}-\d{4}",
)
_TELEPHONE = re.compile(rf"(?<![\w.+:/=-])(?:{'|'.join(_TELEPHONES)})(?![\w/:-]|\.\d)")
_CARD = re.compile(r"(?<![\w.+/=-])\d(?:[ -]?\d){12,18}(?![\w/-]|\.\d)")
_CPF = re.compile(r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])|(?<![\w.-])\d{9}-\d{2}(?![\w-])")
_BARE_CPF = re.compile(r"\bcpf\W{0,4}(?:é|:|n[ºo°.]*)?\W{0,3}(?P<value>\d{11})(?!\d)", re.IGNORECASE)
_CNPJ = re.compile(r"(?<![\w.-])[A-Z\d]{2}\.[A-Z\d]{3}\.[A-Z\d]{3}/[A-Z\d]{4}-\d{2}(?![\w-])")
_BARE_CNPJ = re.compile(
    r"\bcnpj\W{0,4}(?:é|:|n[ºo°.]*)?\W{0,3}(?P<value>[A-Z\d]{12}\d{2})(?!\d)", re.IGNORECASE
)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])")
_DIGITS = (8, 15)  #: of a telephone number, country included: https://www.itu.int/rec/T-REC-E.164
_UNDIVIDED = 10  #: the fewest digits that are taken for one without a space or a hyphen


_PERSONAL = re.compile(r"[A-Za-z]+(?:[._]|\d*\+)[A-Za-z]+\d*")  #: maria.silva, joe+lists
_PROVIDERS = re.compile(
    r"(?:gmail|googlemail|hotmail|outlook|live|yahoo|icloud|me|proton|protonmail|gmx|uol|bol|terra)\..+",
    re.IGNORECASE,
)


def _is_somebodys(found: re.Match[str]) -> bool:
    return found["local"].lower() not in _ROLES


def _is_plainly_personal(found: re.Match[str]) -> bool:
    is_plain = _PERSONAL.fullmatch(found["local"]) or _PROVIDERS.fullmatch(found["host"])
    return _is_somebodys(found) and bool(is_plain) and not _NOBODYS.fullmatch(found["host"])


def _is_telephone(found: re.Match[str]) -> bool:
    number = found[0]
    digits = sum(sign.isdecimal() for sign in number)
    is_divided = any(sign in " -.(" for sign in number)
    return (_DIGITS[0] if is_divided else _UNDIVIDED) <= digits <= _DIGITS[1]


def _whole(proves: Callable[[str], bool]) -> Check:
    return lambda found: proves(found["value"] if "value" in found.re.groupindex else found[0])


# The order matters: what shows its form goes before what is told by its name alone.
_RULES: Sequence[_Rule] = (
    _Rule(pattern=_PEM, by=SECRET, check=_is_private_key, needs="-----BEGIN"),
    _Rule(pattern=_SLACK_HOOK, by=SECRET, needs="hooks.slack"),
    _Rule(pattern=_FORMED, by=SECRET, check=_is_formed),
    _Rule(pattern=_SCHEME, by=SECRET, check=_is_bearer),
    _Rule(pattern=_IN_URL, by=SECRET, check=_is_in_url, in_documentation=_is_no_sample, needs="://"),
    _Rule(pattern=_ADDRESS, by=EMAIL, check=_is_somebodys, in_documentation=_is_plainly_personal, needs="@"),
    _Rule(pattern=_NAMED, by=SECRET, check=_is_secret, in_documentation=_is_generated),
    _Rule(pattern=_OPTION, by=SECRET, check=_is_secret, in_documentation=_is_generated, needs="-"),
    _Rule(pattern=_BESIDE, by=SECRET, check=_is_beside, in_documentation=_never),
    _Rule(pattern=_CNPJ, by=CNPJ, check=_whole(is_cnpj), needs="/"),
    _Rule(pattern=_BARE_CNPJ, by=CNPJ, check=_whole(is_cnpj)),
    _Rule(pattern=_CPF, by=CPF, check=_whole(is_cpf), needs="-"),
    _Rule(pattern=_BARE_CPF, by=CPF, check=_whole(is_cpf)),
    _Rule(pattern=_IBAN, by=IBAN, check=_whole(is_iban)),
    _Rule(pattern=_CARD, by=CARD, check=_whole(is_card)),
    _Rule(pattern=_TELEPHONE, by=PHONE, check=_is_telephone),
)
