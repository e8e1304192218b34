"""Numbers that prove themselves: payment cards, Brazilian taxpayers, bank accounts."""

from __future__ import annotations

# https://www.swift.com/standards/data-standards/iban-international-bank-account-number: length by country
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU",
        31: "MT SC",
        32: "LC",
    }.items()
    for country in countries.split()
}
# Of the schemes: first digits from … to …, and the lengths that they use.
_CARDS = (
    ("4", "4", (13, 16, 19)),  # Visa, and Elo's share of it
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14,)),  # Diners Club
    ("36", "36", (14,)),
    ("38", "39", (14,)),
    ("3528", "3589", (16,)),  # JCB
    ("50", "50", (16,)),  # Elo, Maestro
    ("6011", "6011", (16, 19)),  # Discover
    ("606282", "606282", (16,)),  # Hipercard
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("636", "636", (16,)),  # Elo
    ("644", "659", (16, 19)),  # Discover, Elo
)
_CNPJ_WEIGHTS = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def is_card(text: str) -> bool:
    """A payment card's number: a scheme's first digits and length, and Luhn's check digit."""
    digits = _plain(text)
    if not digits.isascii() or not digits.isdecimal() or len(set(digits)) == 1:
        return False
    return any(
        len(digits) in lengths and first <= digits[: len(first)] <= last for first, last, lengths in _CARDS
    ) and _luhn(digits)


def is_cpf(text: str) -> bool:
    """A Brazilian person's number."""
    digits = _plain(text)
    if len(digits) != 11 or not digits.isdecimal() or len(set(digits)) == 1:  # noqa: PLR2004 - CPF's length
        return False
    return all(
        int(digits[place])
        == sum(int(digit) * (place + 1 - at) for at, digit in enumerate(digits[:place])) * 10 % 11 % 10
        for place in (9, 10)
    )


def is_cnpj(text: str) -> bool:
    """A Brazilian company's number; since July 2026 its first twelve places may be letters too.

    https://www.gov.br/receitafederal/pt-br/acesso-a-informacao/acoes-e-programas/programas-e-atividades/cnpj-alfanumerico
    """
    signs = _plain(text)
    if len(signs) != 14 or not signs[12:].isdecimal() or len(set(signs)) == 1:  # noqa: PLR2004 - CNPJ's
        return False
    values = [ord(sign) - ord("0") for sign in signs]
    return all(values[place] == _cnpj_digit(values[:place]) for place in (12, 13))


def is_iban(text: str) -> bool:
    """An international bank account number, by its country's length and ISO 7064's mod 97-10."""
    signs = _plain(text)
    if _IBAN_LENGTHS.get(signs[:2]) != len(signs):
        return False
    return int("".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4])) % 97 == 1


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0  # noqa: PLR2004 - a digit sum


def _cnpj_digit(values: list[int]) -> int:
    weights = _CNPJ_WEIGHTS[-len(values) :]
    rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest  # noqa: PLR2004 - the rule's own


def _plain(text: str) -> str:
    return "".join(sign for sign in text if sign.isalnum())
