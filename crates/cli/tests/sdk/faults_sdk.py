"""The SDKs of OpenAI and Anthropic against a stub at which something goes wrong, told apart by the model's name."""

import json
import os

import anthropic
import openai

from judge import main, raises

FAULTY = os.environ["STUB_FAULTY"]
HELLO = [{"role": "user", "content": "Say something, please."}]


def of_openai(retries=0, **more):
    return openai.OpenAI(base_url=FAULTY + "/v1", api_key="any", max_retries=retries, **more)


def of_anthropic(retries=0, **more):
    return anthropic.Anthropic(base_url=FAULTY, api_key="any", max_retries=retries, **more)


def chat(model, client=None, **more):
    return (client or of_openai()).chat.completions.create(model=model, messages=HELLO, max_tokens=10, **more)


def message(model, client=None, **more):
    return (client or of_anthropic()).messages.create(model=model, messages=HELLO, max_tokens=10, **more)


def streamed(stream, text):
    """The texts that come before a stream ends or breaks, and what it breaks with."""
    seen = []
    try:
        for event in stream:
            seen += filter(None, [text(event)])
    except Exception as error:
        return seen, error
    return seen, None


def of_chunk(chunk):
    return chunk.choices[0].delta.content if chunk.choices else None


def of_event(event):
    return event.delta.text if event.type == "content_block_delta" else None


def test_statuses():
    with raises(openai.InternalServerError, 500, "The server had an error"):
        chat("down")
    with raises(openai.InternalServerError, 529):
        chat("busy")
    with raises(anthropic.InternalServerError, 500, "api_error"):
        message("down")
    try:
        message("busy")
        raise AssertionError("it is overloaded")
    except anthropic.APIStatusError as error:
        assert error.status_code == 529 and error.body["error"]["type"] == "overloaded_error"
        assert error.response.headers["retry-after"] == "1"


def test_retries_get_through():
    # The first two attempts of each fail: the SDKs come a third time.
    assert chat("flaky", of_openai(retries=2)).usage.completion_tokens == 10
    with raises(openai.InternalServerError, 503):
        chat("flaky-too", of_openai(retries=1))
    assert chat("flaky-too").usage.completion_tokens == 10


def test_errors_inside_streams():
    seen, error = streamed(chat("broken", stream=True), of_chunk)
    assert len(seen) == 3 and isinstance(error, openai.APIError), (seen, error)
    assert "The engine is currently overloaded" in str(error)
    seen, error = streamed(message("broken", stream=True), of_event)
    assert len(seen) == 3 and isinstance(error, anthropic.APIStatusError), (seen, error)
    assert error.body["error"]["type"] == "overloaded_error"


def test_streams_that_end():
    # Neither SDK minds a stream without an end: the application has to see that there was no finish.
    seen, error = streamed(chat("short", stream=True), of_chunk)
    assert len(seen) == 3 and error is None, (seen, error)
    seen, error = streamed(chat("gone", stream=True), of_chunk)
    assert len(seen) == 3 and isinstance(error, openai.APIConnectionError), (seen, error)
    seen, error = streamed(message("short", stream=True), of_event)
    assert len(seen) == 3 and error is None, (seen, error)
    chunks = list(chat("cut", stream=True))
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "length"
    assert len([chunk for chunk in chunks if of_chunk(chunk)]) == 3
    assert message("cut").stop_reason == "max_tokens" and message("cut").usage.output_tokens == 3


def test_damage():
    seen, error = streamed(chat("garbled", stream=True), of_chunk)
    assert len(seen) == 3 and isinstance(error, json.JSONDecodeError), (seen, error)
    with raises(Exception):
        chat("garbled")
    for model in ("page", "refused"):
        try:
            answer = chat(model)
            assert isinstance(answer, str) and "<html>" in answer, answer
        except openai.APIConnectionError:
            assert model == "refused"


def test_silence():
    with raises(openai.APITimeoutError):
        chat("mute", of_openai(timeout=0.5))
    with raises(anthropic.APITimeoutError):
        message("mute", of_anthropic(timeout=0.5))
    seen, error = streamed(chat("stalled", of_openai(timeout=0.5), stream=True), of_chunk)
    assert len(seen) == 3 and "Timeout" in type(error).__name__, (seen, error)


main()
