"""Prints the claim_key of an order, for the page of that order.

The shop's server makes it and puts it into the page. The secret (TANDEM_CLAIM_SECRET)
never leaves the server.
"""

import argparse
import hashlib
import hmac
import os
import sys


def claim_key(secret: str, order_id: str) -> str:
    """Hex HMAC-SHA256(secret, order ID)."""
    return hmac.new(secret.encode(), order_id.encode(), hashlib.sha256).hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description="Prints the claim key of an order, which a page needs to ask about it.")
    parser.add_argument("order_id", help="the order ID, byte for byte as the payment provider has it")
    arguments = parser.parse_args()
    # The first secret of a list is the newest.
    secrets = [part.strip() for part in os.environ.get("TANDEM_CLAIM_SECRET", "").split(",")]
    secret = next((secret for secret in secrets if secret), None)
    if secret is None:
        print("TANDEM_CLAIM_SECRET is empty", file=sys.stderr)
        return 2
    print(claim_key(secret, arguments.order_id))
    return 0


if __name__ == "__main__":
    sys.exit(main())
