"""Ollama's SDK: chat, generation, thinking, tools, structured output, embeddings, models, errors."""

import asyncio

import ollama
from pydantic import BaseModel

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
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "w", "parameters": WEATHER}}]


def at(address, key=KEY):
    return ollama.Client(host=address, headers={"authorization": f"Bearer {key}"})


client = at(OPEN)


class Pet(BaseModel):
    name: str
    age: int
    friends: list[str]


def test_chat():
    answer = client.chat(model=MODEL, messages=HELLO, options={"num_predict": 12})
    assert len(answer.message.content.split()) == 12 and answer.done and answer.done_reason == "length"
    assert answer.eval_count == 12 and answer.prompt_eval_count > 0 and answer.eval_duration > 0
    parts = list(client.chat(model=MODEL, messages=HELLO, options={"num_predict": 12}, stream=True))
    assert "".join(part.message.content for part in parts) == answer.message.content
    assert len(parts) == 13 and parts[-1].done and parts[-1].eval_count == 12


def test_generation():
    answer = client.generate(model=MODEL, prompt="Once upon")
    assert answer.response and answer.done_reason == "stop"
    parts = client.generate(model=MODEL, prompt="Once upon", stream=True)
    assert "".join(part.response for part in parts) == answer.response


def test_tools():
    messages = list(HELLO)
    answer = client.chat(model=MODEL, messages=messages, tools=TOOLS)
    (call,) = answer.message.tool_calls
    assert call.function.name == "weather"
    # This SDK leaves bounds of numbers out of what it sends.
    check_weather({**call.function.arguments, "days": 1})
    assert isinstance(call.function.arguments["days"], int)
    parts = list(client.chat(model=MODEL, messages=messages, tools=TOOLS, stream=True))
    (streamed,) = [call for part in parts for call in part.message.tool_calls or []]
    assert streamed.function.arguments == call.function.arguments
    messages += [answer.message, {"role": "tool", "tool_name": "weather", "content": "rain"}]
    assert client.chat(model=MODEL, messages=messages, tools=TOOLS).message.content


def test_structured_output():
    answer = client.chat(model=MODEL, messages=HELLO, format=Pet.model_json_schema())
    Pet.model_validate_json(answer.message.content)
    assert client.generate(model=MODEL, prompt="a", format="json").response.startswith("{")


def test_thinking():
    options = {"num_predict": REASONING + 4}
    answer = at(THINKING).chat(model=MODEL, messages=HELLO, think=True, options=options)
    assert len(answer.message.thinking.split()) == REASONING and len(answer.message.content.split()) == 4
    assert answer.eval_count == REASONING + 4
    parts = at(THINKING).chat(model=MODEL, messages=HELLO, think=True, options=options, stream=True)
    assert "".join(part.message.thinking or "" for part in parts) == answer.message.thinking


def test_embeddings():
    answer = client.embed(model=MODEL, input=["one", "two"], dimensions=16)
    assert [len(vector) for vector in answer.embeddings] == [16, 16] and answer.prompt_eval_count == 2
    assert len(client.embeddings(model=MODEL, prompt="one").embedding) == 768


def test_models():
    assert [model.model for model in at(STRICT).list().models] == [MODEL]
    assert "tools" in at(STRICT).show(MODEL).capabilities
    assert at(STRICT).ps().models == []


def test_errors():
    with raises(ollama.ResponseError, 401):
        at(STRICT, "wrong").chat(model=MODEL, messages=HELLO)
    with raises(ollama.ResponseError, 404, "another"):
        at(STRICT).chat(model="another", messages=HELLO)
    with raises(ollama.ResponseError, 404):
        list(at(STRICT).chat(model="another", messages=HELLO, stream=True))
    with raises(ollama.ResponseError, 400):
        # The SDK refuses most mistakes by itself.
        at(STRICT)._request_raw("POST", "/api/generate", json={"prompt": "a"})


def test_limits():
    limited = at(LIMITED + "/of-any")
    limited.chat(model="llama", messages=HELLO, options={"num_predict": 5})
    with raises(ollama.ResponseError, 429, "Rate limit reached for llama"):
        limited.chat(model="llama", messages=HELLO)


async def test_many_streams_at_once():
    many = ollama.AsyncClient(host=OPEN)

    async def one(number):
        messages = [{"role": "user", "content": str(number)}]
        stream = await many.chat(model=MODEL, messages=messages, options={"num_predict": 40}, stream=True)
        return len([part async for part in stream if part.message.content])

    assert await asyncio.gather(*map(one, range(STREAMS))) == [40] * STREAMS


main()
