"""Writes standard-webhooks.json: what the library of Standard Webhooks signs, and accepts.

pip install standardwebhooks==1.1.0
python3 make-vectors.py > standard-webhooks.json
"""

import base64
import datetime
import json
import random

from standardwebhooks import Webhook

BODIES = [
    "",
    "{}",
    '{"specversion":"1.0","type":"io.mlsecops.model.rolledback"}',
    '{"message":"größer als 0,05 — 模型 🚦"}',
    '{"message":"a.b.c"}\n',
]


def main():
    rng = random.Random(20261130)
    out = []
    for size in (24, 32, 64):
        for number, body in enumerate(BODIES):
            secret = "whsec_" + base64.b64encode(rng.randbytes(size)).decode()
            name = f"evt_{rng.randbytes(16).hex()}"
            at = datetime.datetime.fromtimestamp(1_790_000_000 + number, tz=datetime.timezone.utc)
            signature = Webhook(secret).sign(name, at, body)
            out.append(
                {"secret": secret, "id": name, "timestamp": int(at.timestamp()), "body": body, "signature": signature}
            )
    print(json.dumps(out, indent=2))


main()
