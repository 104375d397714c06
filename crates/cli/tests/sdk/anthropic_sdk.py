"""Anthropic's SDK: messages, thinking, tools, structured output, counting, models, errors."""

import asyncio
import json

import anthropic

from judge import (
    KEY,
    LIMITED,
    MODEL,
    OPEN,
    REASONING,
    STREAMS,
    STRICT,
    THINKING,
    WEATHER,
    check_weather,
    main,
    raises,
    refused,
)

HELLO = [{"role": "user", "content": "Say something, please."}]
TOOLS = [{"name": "weather", "description": "w", "input_schema": WEATHER}]


def at(address, key=KEY):
    return anthropic.Anthropic(base_url=address, api_key=key, max_retries=0)


client = at(OPEN)


def test_messages():
    answer = client.messages.create(model=MODEL, messages=HELLO, max_tokens=12, system="Be kind.")
    assert answer.stop_reason == "max_tokens" and answer.role == "assistant"
    assert len(answer.content[0].text.split()) == 12 and answer.usage.output_tokens == 12
    assert answer.usage.input_tokens > 0 and answer.usage.cache_read_input_tokens == 0
    assert answer._request_id.startswith("req_")


def test_streamed_messages():
    whole = client.messages.create(model=MODEL, messages=HELLO, max_tokens=9)
    with client.messages.stream(model=MODEL, messages=HELLO, max_tokens=9) as stream:
        text = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(text) == 9 and "".join(text) == whole.content[0].text == final.content[0].text
    assert final.stop_reason == "max_tokens" and final.usage.output_tokens == 9
    kinds = [event.type for event in client.messages.create(model=MODEL, messages=HELLO, max_tokens=1, stream=True)]
    # The SDK keeps pings to itself.
    assert [kind for kind in kinds if kind != "ping"] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_tools():
    messages = list(HELLO)
    answer = client.messages.create(model=MODEL, messages=messages, max_tokens=500, tools=TOOLS)
    assert answer.stop_reason == "tool_use"
    (call,) = answer.content
    assert call.type == "tool_use" and call.name == "weather" and call.id.startswith("toolu_")
    check_weather(call.input)
    with client.messages.stream(model=MODEL, messages=messages, max_tokens=500, tools=TOOLS) as stream:
        fragments = [event.partial_json for event in stream if event.type == "input_json"]
        final = stream.get_final_message()
    assert len(fragments) > 2 and json.loads("".join(fragments)) == call.input == final.content[0].input
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
    messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    answer = client.messages.create(model=MODEL, messages=messages, max_tokens=500, tools=TOOLS)
    assert answer.content[0].type == "text"
    for choice, called in (
        ({"type": "none"}, False),
        ({"type": "any"}, True),
        ({"type": "tool", "name": "weather"}, True),
    ):
        answer = client.messages.create(
            model=MODEL, messages=messages, max_tokens=500, tools=TOOLS, tool_choice=choice
        )
        assert (answer.stop_reason == "tool_use") == called, choice


def test_structured_output():
    answer = client.messages.create(
        model=MODEL,
        messages=HELLO,
        max_tokens=500,
        output_config={"format": {"type": "json_schema", "schema": WEATHER}},
    )
    assert answer.stop_reason == "end_turn"
    check_weather(json.loads(answer.content[0].text))


def test_thinking():
    ask = {"model": MODEL, "messages": HELLO, "max_tokens": REASONING + 4}
    answer = at(THINKING).messages.create(**ask)
    thinking, text = answer.content
    assert thinking.type == "thinking" and len(thinking.thinking.split()) == REASONING and thinking.signature
    assert len(text.text.split()) == 4 and answer.usage.output_tokens == REASONING + 4
    assert answer.usage.output_tokens_details.thinking_tokens == REASONING
    with at(THINKING).messages.stream(**ask) as stream:
        final = stream.get_final_message()
    assert final.content[0].thinking == thinking.thinking and final.content[0].signature
    assert final.content[1].text == text.text


def test_counting():
    counted = client.messages.count_tokens(model=MODEL, messages=HELLO)
    answer = client.messages.create(model=MODEL, messages=HELLO, max_tokens=1)
    assert counted.input_tokens == answer.usage.input_tokens > 0


def test_models():
    assert [model.id for model in at(STRICT).models.list()] == [MODEL]
    assert at(STRICT).models.retrieve(MODEL).display_name == MODEL
    with raises(anthropic.NotFoundError, 404):
        at(STRICT).models.retrieve("another")


def test_errors():
    with raises(anthropic.AuthenticationError, 401, "authentication_error"):
        at(STRICT, "sk-wrong").messages.create(model=MODEL, messages=HELLO, max_tokens=5)
    with raises(anthropic.NotFoundError, 404, "another"):
        at(STRICT).messages.create(model="another", messages=HELLO, max_tokens=5)
    for wrong in ({"messages": []}, {"max_tokens": 0}, {"messages": [{"role": "user"}]}):
        with raises(anthropic.BadRequestError, 400, "invalid_request_error"):
            at(STRICT).messages.create(**{"model": MODEL, "messages": HELLO, "max_tokens": 5, **wrong})
    older = anthropic.Anthropic(
        base_url=STRICT,
        api_key="",
        max_retries=0,
        default_headers={"x-api-key": KEY, "authorization": anthropic.Omit(), "anthropic-version": "2023-06-01"},
    )
    assert older.messages.create(model=MODEL, messages=HELLO, max_tokens=5).usage.output_tokens == 5


def test_limits():
    limited = at(LIMITED + "/of-anthropic")
    ask = dict(model=MODEL, messages=HELLO, max_tokens=5)
    raw = limited.messages.with_raw_response.create(**ask)
    left = {"requests": ("2", "1"), "input-tokens": ("30000", "30000"), "output-tokens": ("8000", "8000")}
    for kind, (limit, remaining) in left.items():
        assert raw.headers[f"anthropic-ratelimit-{kind}-limit"] == limit
        assert raw.headers[f"anthropic-ratelimit-{kind}-remaining"] == remaining
        assert raw.headers[f"anthropic-ratelimit-{kind}-reset"].endswith("Z")
    with limited.messages.stream(**ask) as stream:
        assert len(list(stream.text_stream)) == 5
    for stream in (False, True):
        error = refused(anthropic.RateLimitError, lambda: limited.messages.create(**ask, stream=stream))
        assert error.status_code == 429 and error.body["error"]["type"] == "rate_limit_error"
        assert error.body["request_id"] == error.response.headers["request-id"]
        assert "rate limit for your organization of 2 requests per minute" in error.body["error"]["message"]
        assert error.response.headers["anthropic-ratelimit-requests-remaining"] == "0"
        assert 1700 < int(error.response.headers["retry-after"]) <= 1800
    # Limits of no provider in particular are told in Anthropic's words to Anthropic's client.
    anybodys = at(LIMITED + "/of-any")
    anybodys.messages.create(**{**ask, "model": "claude"})
    error = refused(anthropic.RateLimitError, lambda: anybodys.messages.create(**{**ask, "model": "claude"}))
    assert error.body["error"]["type"] == "rate_limit_error"


async def test_many_streams_at_once():
    async with anthropic.AsyncAnthropic(base_url=OPEN, api_key="any", max_retries=0) as many:

        async def one(number):
            messages = [{"role": "user", "content": str(number)}]
            async with many.messages.stream(model=MODEL, messages=messages, max_tokens=40) as stream:
                return len([text async for text in stream.text_stream])

        assert await asyncio.gather(*map(one, range(STREAMS))) == [40] * STREAMS


main()
