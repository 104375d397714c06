"""A program for `exec`: reads a JSON object on each line of its standard input, and answers each with one.

Before a request is sent it may change it: here every request gets a header of its own. After an answer that is otherwise ok
it judges it: here an answer must not say the same word twice in a row.
"""

import json
import sys

for line in sys.stdin:
    asked = json.loads(line)
    reply = {}
    if asked["event"] == "before":
        reply["headers"] = {"x-journey": f"{asked.get('step') or asked['prompt']}-{asked['i']}"}
    else:
        words = asked["answer"]["text"].split()
        repeated = [a for a, b in zip(words, words[1:]) if a == b]
        reply["ok"] = len(repeated) < 3
        reply["message"] = f"the answer stutters: {', '.join(repeated)}"
    print(json.dumps(reply), flush=True)
