"""Generated from policies/masking/sad.yaml by scripts/masking-table; do not edit."""

VERSION = "1-a7eeefaf4dda20af"
# name, keys, shortest and longest value
KEYED: tuple[tuple[str, tuple[bytes, ...], int, int], ...] = (
    (
        "cvv",
        (
            b"cvv",
            b"cvv2",
            b"cvc",
            b"cvc2",
            b"cvn",
            b"cvn2",
            b"csc",
            b"cid",
            b"cav2",
            b"icvv",
            b"card_code",
            b"security_code",
            b"card_security_code",
            b"card_verification",
            b"card_verification_code",
            b"card_verification_value",
            b"verification_code",
            b"verification_value",
            b"security_number",
            b"cvv_code",
            b"cvc_code",
            b"cvv_number",
        ),
        3,
        4,
    ),
    (
        "pin",
        (
            b"pin",
            b"pin_code",
            b"pin_number",
            b"card_pin",
            b"atm_pin",
            b"pin_block",
        ),
        4,
        12,
    ),
)
