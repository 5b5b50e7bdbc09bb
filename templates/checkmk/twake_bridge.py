#!/usr/bin/env python3
# twake-bridge

# A notification script of Checkmk for twake-bridge: posts the notification's context as one JSON object.
#
# Parameter 1: the address of the source, https://bridge.example.org/hooks/checkmk.
# Parameter 2, optional: the address of the site for links, https://monitoring.example.org/mysite.
# The secret is in etc/twake-bridge-token of the site. Without this file it is the last part of the address.
#
# HOSTLABELS and SERVICELABELS are objects of all labels. Not sent: parameters, and names and addresses of contacts.
# Exit status: 0 sent, 1 Checkmk tries again, 2 it does not.

import json
import os
import sys
import urllib.error
import urllib.request


def main() -> int:
    context = {name[7:]: value for name, value in os.environ.items() if name.startswith("NOTIFY_")}
    url = context.get("PARAMETER_1", "")
    if not url.startswith(("http://", "https://")):
        print("parameter 1 must be the address of the source, https://bridge.example.org/hooks/checkmk")
        return 2
    event = {name: value for name, value in context.items() if not name.startswith(("PARAMETER_", "CONTACT", "MAIL_"))}
    for kind in ("HOST", "SERVICE"):
        prefix = kind + "LABEL_"
        event[kind + "LABELS"] = {name[len(prefix) :]: event.pop(name) for name in list(event) if name.startswith(prefix)}
    if context.get("PARAMETER_2"):
        event["URL_PREFIX"] = context["PARAMETER_2"].rstrip("/")

    request = urllib.request.Request(url, json.dumps(event).encode(), {"Content-Type": "application/json"})
    token = os.path.join(os.environ.get("OMD_ROOT", "/"), "etc/twake-bridge-token")
    if os.path.exists(token):
        with open(token, encoding="utf-8") as file:
            request.add_header("Authorization", "Bearer " + file.read().strip())
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            print(f"the bridge answered {response.status}")
            return 0
    except urllib.error.HTTPError as error:
        print(f"the bridge answered {error.code}: {error.read(500).decode(errors='replace')}")
        return 1 if error.code >= 500 or error.code in (408, 429) else 2
    except OSError as error:
        print(f"the bridge cannot be reached: {error}")
        return 1


sys.exit(main())
