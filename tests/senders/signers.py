"""Signs a body with the sender's own library, posts it, and prints the status and body of the response.

usage: signers.py LIBRARY URL SECRET AGE BODY   AGE: the age of the signature in seconds
"""
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone

library, url, secret, age, body = sys.argv[1:]
at = int(time.time()) - int(age)


def slack_sdk():
    from slack_sdk.signature import SignatureVerifier

    signature = SignatureVerifier(secret).generate_signature(timestamp=str(at), body=body)
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": signature}


def svix():
    from svix.webhooks import Webhook

    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(at, timezone.utc), body)
    return {"svix-id": "msg_1", "svix-timestamp": str(at), "svix-signature": signature}


def standardwebhooks():
    from standardwebhooks.webhooks import Webhook

    signature = Webhook(secret).sign("msg_2", datetime.fromtimestamp(at, timezone.utc), body)
    return {"webhook-id": "msg_2", "webhook-timestamp": str(at), "webhook-signature": signature}


headers = {"slack_sdk": slack_sdk, "svix": svix, "standardwebhooks": standardwebhooks}[library]()
json = body.startswith("{")
headers["Content-Type"] = "application/json" if json else "application/x-www-form-urlencoded"
try:
    answer = urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers))
except urllib.error.HTTPError as refused:
    answer = refused
print(answer.status, answer.read().decode())
