"""What the judges have in common.

Each script of this folder drives one official SDK against `floodline stub`. `test_*` functions are run in order; one
that raises ends the script with its traceback. Four stubs are running: OPEN answers anyone, STRICT wants the key
KEY and knows the model MODEL only, THINKING begins each answer with reasoning, LIMITED has providers with limits.
"""

import contextlib
import inspect
import asyncio
import os
import sys

OPEN, STRICT, THINKING = (os.environ[name] for name in ("STUB_OPEN", "STUB_STRICT", "STUB_THINKING"))
LIMITED = os.environ["STUB_LIMITED"]
KEY, MODEL = "sk-right", "m"
REASONING = 5
STREAMS = 50

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
    },
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
}


def check_weather(arguments):
    assert set(arguments) == {"city", "unit", "days"}, arguments
    assert arguments["city"] and arguments["unit"] in ("celsius", "fahrenheit"), arguments
    assert 1 <= arguments["days"] <= 7, arguments


@contextlib.contextmanager
def raises(kind, status=None, says=None):
    """The block has to raise `kind`, with this status and these words."""
    try:
        yield
    except kind as error:
        code = getattr(error, "status_code", None) or getattr(error, "code", None)
        assert status is None or code == status, (code, error)
        assert says is None or says in str(error), error
    else:
        raise AssertionError(f"{kind.__name__} was expected")


def refused(kind, ask):
    """What `ask` raises, which has to be of this kind."""
    try:
        ask()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def run(module):
    tests = [(name, test) for name, test in vars(module).items() if name.startswith("test_")]
    for name, test in tests:
        print(name, flush=True)
        result = test()
        if inspect.iscoroutine(result):
            asyncio.run(result)
    assert tests, "no tests"
    print(f"{len(tests)} passed")


def main():
    run(sys.modules["__main__"])
