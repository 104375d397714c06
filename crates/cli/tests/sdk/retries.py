"""How the SDKs of OpenAI and Anthropic try again: they are refused by a server in this process, which counts, and their
waits are taken down instead of being waited.

Reads a list of cases as JSON, each a status, header fields and a body, and writes for each and each SDK how many attempts it
made and how long it would have waited.
"""

import http.server
import json
import sys
import threading
import time

import anthropic
import openai

cases = json.load(sys.stdin)
case, asked, waits = None, 0, []


class Refusing(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global asked
        asked += 1
        self.rfile.read(int(self.headers["content-length"]))
        body = case["body"].encode()
        self.send_response(case["status"])
        for name, value in case["fields"].items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_address[1]}"
# Nobody else in this process sleeps.
time.sleep = waits.append

messages = [{"role": "user", "content": "Say something, please."}]
clients = {
    "openai": openai.OpenAI(base_url=address + "/v1", api_key="k").chat.completions.create,
    "anthropic": anthropic.Anthropic(base_url=address, api_key="k").messages.create,
}
for sdk, create in clients.items():
    for case in cases:
        asked = 0
        waits.clear()
        try:
            create(model="m", messages=messages, max_tokens=5)
        except (openai.APIError, anthropic.APIError):
            pass
        else:
            raise AssertionError(f"{sdk}: {case} was no refusal")
        print(json.dumps({"sdk": sdk, "attempts": asked, "waits": waits}), flush=True)
