"""Sends pushes of GitHub without a pause and never retries, so every refused or cut connection is counted.

hammer.py PORT   GITHUB_SECRET: the secret; BODY: the path of the body; ends at the end of standard input

Every request has its own connection. Prints one JSON object: the number of responses by status, and the errors of
connections.
"""
import collections, hashlib, hmac, http.client, json, os, sys, threading


class Hammer:
    def __init__(self, port):
        self.port = port
        self.answers, self.errors, self.over = collections.Counter(), collections.Counter(), threading.Event()
        self.body = open(os.environ["BODY"], "rb").read()
        secret = os.environ["GITHUB_SECRET"].encode()
        self.signature = "sha256=" + hmac.new(secret, self.body, hashlib.sha256).hexdigest()
        self.senders = [threading.Thread(target=self.send, args=(sender,)) for sender in range(4)]

    def send(self, sender):
        number = 0
        while not self.over.is_set():
            number += 1
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.request("POST", "/hooks/github", self.body, {
                    "Content-Type": "application/json", "X-GitHub-Event": "push", "Connection": "close",
                    "X-GitHub-Delivery": f"{os.getpid()}-{sender}-{number}", "X-Hub-Signature-256": self.signature})
                self.answers[connection.getresponse().status] += 1
            except Exception as error:
                self.errors[f"{type(error).__name__}: {error}"] += 1
            finally:
                connection.close()

    def start(self):
        for sender in self.senders:
            sender.start()

    def stop(self):
        self.over.set()
        for sender in self.senders:
            sender.join()


if __name__ == "__main__":
    hammer = Hammer(int(sys.argv[1]))
    hammer.start()
    sys.stdin.read()
    hammer.stop()
    print(json.dumps({"answers": hammer.answers, "errors": hammer.errors}))
