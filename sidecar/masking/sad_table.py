"""Generated from policies/masking/sad.yaml by scripts/masking-table; do not edit."""

from typing import NamedTuple

VERSION = "4-73fdc196b5f6a3a8"


class KeyedRule(NamedTuple):
    """A kind of secret that a key names; see policies/masking/sad.yaml."""

    name: str
    keys: tuple[bytes, ...]
    length: tuple[int, int]
    hex: bool
    assigned: bool


KEYED: tuple[KeyedRule, ...] = (
    KeyedRule(
        "cvv",
        (
            b"cvv",
            b"cvv1",
            b"cvv_2",
            b"cvv3",
            b"cvc",
            b"cvc1",
            b"cvc_2",
            b"cvc3",
            b"cvx2",
            b"cvn2",
            b"cav2",
            b"icvv",
            b"dcvv",
            b"dcvc",
            b"cvv_code",
            b"cvc_code",
            b"cvv_2_code",
            b"cvc_2_code",
            b"cvv_number",
            b"cvc_number",
            b"cvv2_number",
            b"cvc2_number",
            b"cvv_num",
            b"cvc_num",
            b"cvv2_num",
            b"cvc2_num",
            b"cvv_value",
            b"cvc_value",
            b"cvv_data",
            b"cvc_data",
            b"card_security_code",
            b"card_verification",
            b"card_verification_code",
            b"card_verification_number",
            b"card_verification_value",
            b"card_validation_code",
            b"kartenpruefnummer",
            b"kartenpr\xc3\xbcfnummer",
            b"cryptogramme_visuel",
        ),
        length=(3, 4),
        hex=False,
        assigned=False,
    ),
    KeyedRule(
        "card-code",
        (
            b"csc",
            b"cvn",
            b"cvv_no",
            b"cvc_no",
            b"card_code",
            b"security_code",
            b"security_number",
            b"security_no",
            b"verification_code",
            b"verification_value",
        ),
        length=(3, 4),
        hex=False,
        assigned=True,
    ),
    KeyedRule(
        "cid",
        (b"cid",),
        length=(4, 4),
        hex=False,
        assigned=True,
    ),
    KeyedRule(
        "pin",
        (
            b"pin",
            b"pin_code",
            b"pin_number",
            b"pin_value",
            b"card_pin",
            b"atm_pin",
            b"mpin",
            b"tpin",
            b"upin",
            b"npin",
            b"ipin",
            b"pvv",
            b"pin_verification_value",
        ),
        length=(4, 12),
        hex=False,
        assigned=True,
    ),
    KeyedRule(
        "pin-block",
        (
            b"pin_block",
            b"pin_blk",
            b"pin_data",
            b"encrypted_pin",
        ),
        length=(16, 16),
        hex=True,
        assigned=False,
    ),
)
