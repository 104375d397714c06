"""Google's SDK: contents, thoughts, functions, structured output, counting, embeddings, models, errors."""

import asyncio
import json
from typing import Literal

import httpx
from google import genai
from google.genai import errors, types
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


def at(address, key=KEY, **more):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=address, **more))


# A client that nobody holds closes its connections.
client, strict, thinking, wrong = at(OPEN), at(STRICT), at(THINKING), at(STRICT, "wrong")


class City(BaseModel):
    name: str
    mood: Literal["good", "bad"]
    people: int
    rivers: list[str]


def config(**more):
    return types.GenerateContentConfig(**more)


def test_contents():
    for version in ("v1", "v1beta"):
        of_version = at(OPEN, api_version=version)
        answer = of_version.models.generate_content(
            model=MODEL, contents="Say something.", config=config(max_output_tokens=12)
        )
        assert len(answer.text.split()) == 12
        assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
        usage = answer.usage_metadata
        assert usage.candidates_token_count == 12 and usage.prompt_token_count > 0
        assert usage.total_token_count == usage.prompt_token_count + 12
    several = client.models.generate_content(
        model=MODEL, contents="Say something.", config=config(max_output_tokens=5, candidate_count=2)
    )
    assert len({candidate.content.parts[0].text for candidate in several.candidates}) == 2
    assert several.usage_metadata.candidates_token_count == 10


def test_streamed_contents():
    whole = client.models.generate_content(model=MODEL, contents="Hi.", config=config(max_output_tokens=9))
    chunks = list(
        client.models.generate_content_stream(model=MODEL, contents="Hi.", config=config(max_output_tokens=9))
    )
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert chunks[-1].usage_metadata.candidates_token_count == 9
    body = {"contents": [{"parts": [{"text": "Hi."}]}], "generationConfig": {"maxOutputTokens": 9}}
    array = httpx.post(f"{STRICT}/v1beta/models/{MODEL}:streamGenerateContent?key={KEY}", json=body)
    assert array.status_code == 200 and array.headers["content-type"].startswith("application/json")
    assert len(array.json()) == 10


def test_functions():
    tool = types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name="weather", description="w", parameters_json_schema=WEATHER)
        ]
    )
    contents = [types.Content(role="user", parts=[types.Part(text="How is the weather?")])]
    answer = client.models.generate_content(model=MODEL, contents=contents, config=config(tools=[tool]))
    (call,) = answer.function_calls
    assert call.name == "weather"
    check_weather(call.args)
    chunks = list(client.models.generate_content_stream(model=MODEL, contents=contents, config=config(tools=[tool])))
    assert [call.args for chunk in chunks for call in chunk.function_calls or []] == [call.args]
    result = types.Part.from_function_response(name="weather", response={"result": "rain"})
    contents += [answer.candidates[0].content, types.Content(role="user", parts=[result])]
    assert client.models.generate_content(model=MODEL, contents=contents, config=config(tools=[tool])).text


def test_a_function_that_the_sdk_calls_itself():
    asked = []

    def weather(city: str, days: int) -> str:
        """The weather of some days in a city."""
        asked.append((city, days))
        return "rain"

    answer = client.models.generate_content(model=MODEL, contents="Weather?", config=config(tools=[weather]))
    assert len(asked) == 1 and answer.text


def test_structured_output():
    answer = client.models.generate_content(
        model=MODEL,
        contents="A city.",
        config=config(response_mime_type="application/json", response_schema=City),
    )
    assert isinstance(answer.parsed, City)
    answer = client.models.generate_content(
        model=MODEL,
        contents="A city.",
        config=config(response_mime_type="application/json", response_json_schema=WEATHER),
    )
    check_weather(json.loads(answer.text))


def test_thoughts():
    answer = thinking.models.generate_content(
        model=MODEL, contents="Think.", config=config(max_output_tokens=REASONING + 4)
    )
    thought, text = answer.candidates[0].content.parts
    assert thought.thought and len(thought.text.split()) == REASONING and len(text.text.split()) == 4
    usage = answer.usage_metadata
    assert (usage.thoughts_token_count, usage.candidates_token_count) == (REASONING, 4)
    chunks = list(
        thinking.models.generate_content_stream(
            model=MODEL, contents="Think.", config=config(max_output_tokens=REASONING + 4)
        )
    )
    thoughts = [part.text for c in chunks for part in c.candidates[0].content.parts if part.thought]
    assert "".join(thoughts) == thought.text


def test_counting_and_embeddings():
    assert client.models.count_tokens(model=MODEL, contents="one two three").total_tokens == 3
    answer = client.models.embed_content(
        model=MODEL, contents=["one", "two"], config=types.EmbedContentConfig(output_dimensionality=16)
    )
    assert [len(embedding.values) for embedding in answer.embeddings] == [16, 16]
    body = {"content": {"parts": [{"text": "one"}]}, "outputDimensionality": 16}
    alone = httpx.post(f"{OPEN}/v1beta/models/{MODEL}:embedContent", json=body).json()
    assert len(alone["embedding"]["values"]) == 16


def test_models():
    assert [model.name for model in strict.models.list()] == [f"models/{MODEL}"]
    assert strict.models.get(model=MODEL).name == f"models/{MODEL}"


def test_errors():
    with raises(errors.ClientError, 401, "API key not valid"):
        wrong.models.generate_content(model=MODEL, contents="a")
    with raises(errors.ClientError, 404, "NOT_FOUND"):
        strict.models.generate_content(model="another", contents="a")
    with raises(errors.ClientError, 400, "INVALID_ARGUMENT"):
        strict.models.generate_content(model=MODEL, contents="a", config=config(max_output_tokens=-1))
    with raises(errors.ClientError, 404):
        list(strict.models.generate_content_stream(model="another", contents="a"))


def test_limits():
    limited = at(LIMITED + "/of-gemini")
    for _ in range(2):
        limited.models.generate_content(model=MODEL, contents="Hi.", config=config(max_output_tokens=5))
    error = refused(
        errors.ClientError, lambda: limited.models.generate_content(model=MODEL, contents="Hi.", config=config())
    )
    assert (error.code, error.status) == (429, "RESOURCE_EXHAUSTED")
    details = {detail["@type"].split(".")[-1]: detail for detail in error.details["error"]["details"]}
    assert details["QuotaFailure"]["violations"][0]["quotaValue"] == "2"
    assert 0 < int(details["RetryInfo"]["retryDelay"].rstrip("s")) <= 3600


async def test_many_streams_at_once():
    async def one(number):
        stream = await client.aio.models.generate_content_stream(
            model=MODEL, contents=str(number), config=config(max_output_tokens=40)
        )
        return len([chunk async for chunk in stream if chunk.text])

    assert await asyncio.gather(*map(one, range(STREAMS))) == [40] * STREAMS


main()
