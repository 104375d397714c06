"""OpenAI's SDK: chat completions, completions, Responses, embeddings, models, errors; and Azure's client."""

import asyncio
import base64
import json
import math
import struct
from typing import Literal

import openai
from pydantic import BaseModel, Field

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


def at(address, **more):
    return openai.OpenAI(base_url=address + "/v1", api_key=KEY, max_retries=0, **more)


client = at(OPEN)


class Step(BaseModel):
    explanation: str
    output: str


class Answer(BaseModel):
    steps: list[Step]
    mood: Literal["good", "bad"]
    score: int = Field(ge=1, le=10)
    note: str | None


def test_chat():
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=12)
    choice = answer.choices[0]
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-")
    assert choice.finish_reason == "length" and len(choice.message.content.split()) == 12
    assert answer.usage.completion_tokens == 12 and answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12
    assert answer.usage.prompt_tokens_details.cached_tokens == 0
    assert answer._request_id.startswith("req_")
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=HELLO, extra_headers={"x-request-id": "mine"}
    )
    assert raw.headers["x-request-id"] == "mine" and raw.parse().choices[0].finish_reason == "stop"


def test_streamed_chat():
    whole = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=9)
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=HELLO, max_tokens=9, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 9
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "length"


def test_several_choices():
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=8, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) == 3
    assert answer.usage.completion_tokens == 24
    texts = ["", "", ""]
    for chunk in client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=8, n=3, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == [choice.message.content for choice in answer.choices]


def test_tools():
    messages = list(HELLO)
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    (call,) = choice.message.tool_calls
    assert call.function.name == "weather"
    check_weather(json.loads(call.function.arguments))
    messages += [choice.message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
    assert answer.choices[0].finish_reason == "stop" and answer.choices[0].message.content

    with client.chat.completions.stream(model=MODEL, messages=HELLO, tools=TOOLS) as stream:
        deltas = [event for event in stream if event.type == "tool_calls.function.arguments.delta"]
        final = stream.get_final_completion().choices[0]
    assert len(deltas) > 2 and final.finish_reason == "tool_calls"
    streamed = final.message.tool_calls[0].function
    assert streamed.arguments == call.function.arguments and final.message.tool_calls[0].id == call.id

    named = {"type": "function", "function": {"name": "weather"}}
    for choice, called in (("none", False), ("auto", True), ("required", True), (named, True)):
        answer = client.chat.completions.create(model=MODEL, messages=HELLO, tools=TOOLS, tool_choice=choice)
        assert bool(answer.choices[0].message.tool_calls) == called, choice


def test_structured_chat():
    answer = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Answer)
    assert isinstance(answer.choices[0].message.parsed, Answer)
    assert answer.choices[0].finish_reason == "stop"
    with client.chat.completions.stream(model=MODEL, messages=HELLO, response_format=Answer) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == answer.choices[0].message.parsed
    answer = client.chat.completions.create(
        model=MODEL, messages=HELLO, response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(answer.choices[0].message.content), dict)
    with raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Answer, max_tokens=3)


def test_reasoning_chat():
    thinking = at(THINKING)
    answer = thinking.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=REASONING + 4)
    message = answer.choices[0].message
    assert len(message.reasoning_content.split()) == REASONING and len(message.content.split()) == 4
    assert answer.usage.completion_tokens == REASONING + 4
    assert answer.usage.completion_tokens_details.reasoning_tokens == REASONING
    chunks = thinking.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=REASONING + 4, stream=True)
    deltas = [chunk.choices[0].delta for chunk in chunks]
    thought = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert thought == message.reasoning_content
    cut = thinking.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=REASONING - 1)
    assert cut.choices[0].finish_reason == "length" and not cut.choices[0].message.content


def test_completions():
    answer = client.completions.create(model=MODEL, prompt="Once upon", max_tokens=6, n=2)
    assert [len(choice.text.split()) for choice in answer.choices] == [6, 6]
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 12
    chunks = client.completions.create(model=MODEL, prompt="Once upon", max_tokens=6, stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks) == answer.choices[0].text


def test_responses():
    answer = client.responses.create(model=MODEL, input="Say something.", max_output_tokens=20)
    assert answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens"
    assert len(answer.output_text.split()) == 20 and answer.usage.output_tokens == 20
    assert answer.max_output_tokens == 20
    stream = client.responses.create(model=MODEL, input="Say something.", max_output_tokens=20, stream=True)
    events = list(stream)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events if event.type != "response.output_text.delta"]
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.incomplete",
    ]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) == 20 and "".join(deltas) == answer.output_text
    assert events[-1].response.usage.total_tokens == answer.usage.total_tokens
    complete = client.responses.create(model=MODEL, input="Say something.", instructions="Be kind.")
    assert complete.status == "completed" and complete.instructions == "Be kind."


def test_responses_tools():
    tools = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}]
    items = [{"role": "user", "content": "How is the weather?"}]
    answer = client.responses.create(model=MODEL, input=items, tools=tools)
    (call,) = answer.output
    assert call.type == "function_call" and call.name == "weather" and call.status == "completed"
    check_weather(json.loads(call.arguments))
    with client.responses.stream(model=MODEL, input=items, tools=tools) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds.count("response.function_call_arguments.delta") > 2
    assert "response.function_call_arguments.done" in kinds
    assert final.output[0].arguments == call.arguments
    items += [call.model_dump(), {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}]
    assert client.responses.create(model=MODEL, input=items, tools=tools).output_text


def test_structured_responses():
    answer = client.responses.parse(model=MODEL, input="Solve it.", text_format=Answer)
    assert isinstance(answer.output_parsed, Answer)


def test_reasoning_responses():
    answer = at(THINKING).responses.create(model=MODEL, input="Think.", reasoning={"summary": "auto"})
    reasoning, message = answer.output
    assert reasoning.type == "reasoning" and len(reasoning.summary[0].text.split()) == REASONING
    assert message.type == "message" and answer.usage.output_tokens_details.reasoning_tokens == REASONING
    with at(THINKING).responses.stream(model=MODEL, input="Think.") as stream:
        kinds = [event.type for event in stream]
        assert stream.get_final_response().output_text == answer.output_text
    assert kinds.count("response.reasoning_summary_text.delta") == REASONING


def test_embeddings():
    answer = client.embeddings.create(model=MODEL, input=["one", "two", "one"], dimensions=64)
    vectors = [item.embedding for item in answer.data]
    assert len(vectors) == 3 and all(len(vector) == 64 for vector in vectors)
    assert vectors[0] == vectors[2] != vectors[1] and answer.usage.prompt_tokens == 3
    assert math.isclose(sum(x * x for x in vectors[0]), 1, rel_tol=1e-5)
    coded = client.embeddings.create(model=MODEL, input="one", dimensions=64, encoding_format="base64")
    coded = struct.unpack("<64f", base64.b64decode(coded.data[0].embedding))
    floats = client.embeddings.create(model=MODEL, input="one", dimensions=64, encoding_format="float")
    assert all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(coded, floats.data[0].embedding))
    assert len(client.embeddings.create(model="text-embedding-3-small", input="one").data[0].embedding) == 1536


def test_models():
    assert [model.id for model in at(STRICT).models.list()] == [MODEL]
    assert at(STRICT).models.retrieve(MODEL).owned_by
    with raises(openai.NotFoundError, 404):
        at(STRICT).models.retrieve("another")


def test_errors():
    wrong = openai.OpenAI(base_url=STRICT + "/v1", api_key="sk-wrong", max_retries=0)
    with raises(openai.AuthenticationError, 401):
        wrong.chat.completions.create(model=MODEL, messages=HELLO)
    strict = at(STRICT)
    with raises(openai.NotFoundError, 404, "another"):
        strict.chat.completions.create(model="another", messages=HELLO)
    for call in (
        lambda: strict.chat.completions.create(model=MODEL, messages=[]),
        lambda: strict.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=0),
        lambda: strict.chat.completions.create(model=MODEL, messages=HELLO, n="many"),
        lambda: strict.responses.create(model=MODEL, input=[{}]),
        lambda: strict.embeddings.create(model=MODEL, input=[]),
    ):
        with raises(openai.BadRequestError, 400):
            call()
    with raises(openai.NotFoundError, 404):
        strict.get("/nothing", cast_to=object)


def test_limits():
    limited = at(LIMITED + "/of-openai")
    ask = dict(model=MODEL, messages=HELLO, max_tokens=5)
    raw = limited.chat.completions.with_raw_response.create(**ask)
    assert raw.headers["x-ratelimit-limit-requests"] == "2"
    assert raw.headers["x-ratelimit-remaining-requests"] == "1"
    assert raw.headers["x-ratelimit-limit-tokens"] == "30000"
    assert raw.headers["x-ratelimit-reset-requests"].startswith(("29m", "30m"))
    assert len(list(limited.chat.completions.create(**ask, stream=True))) > 5
    for stream in (False, True):
        error = refused(openai.RateLimitError, lambda: limited.chat.completions.create(**ask, stream=stream))
        assert (error.status_code, error.code, error.type) == (429, "rate_limit_exceeded", "requests")
        headers = error.response.headers
        assert headers["x-ratelimit-remaining-requests"] == "0"
        assert 1700 < int(headers["retry-after"]) <= 1800
        assert int(headers["retry-after"]) * 1000 >= int(headers["retry-after-ms"]) > 1_700_000
        assert "on requests per min (RPM): Limit 2, Used 2, Requested 1. Please try again in " in error.message
    # Another key has its own limits, and no more than they can ever admit.
    other = openai.OpenAI(base_url=LIMITED + "/of-openai/v1", api_key="another", max_retries=0)
    error = refused(openai.RateLimitError, lambda: other.chat.completions.create(**{**ask, "max_tokens": 30601}))
    assert "Request too large for m" in error.message and "retry-after" not in error.response.headers
    assert (error.code, error.type) == ("rate_limit_exceeded", "tokens")


def test_the_sdks_own_retries_get_through():
    patient = openai.OpenAI(base_url=LIMITED + "/soon/v1", api_key=KEY, max_retries=2)
    for _ in range(3):
        raw = patient.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, max_tokens=5)
        assert raw.status_code == 200


def test_limits_of_azure_and_of_api_management():
    azure = openai.AzureOpenAI(
        azure_endpoint=LIMITED + "/of-azure", api_key=KEY, api_version="2024-10-21", max_retries=0
    )
    ask = dict(model="deployment", messages=HELLO, max_tokens=200)
    raw = azure.chat.completions.with_raw_response.create(**ask)
    assert float(raw.headers["azure-openai-deployment-utilization"].rstrip("%")) > 200
    error = refused(openai.RateLimitError, lambda: azure.chat.completions.create(**ask))
    assert (error.status_code, error.code) == (429, "429")
    assert "currently experiencing high demand" in error.message
    assert int(error.response.headers["retry-after-ms"]) > 1000
    managed = at(LIMITED + "/of-apim")
    managed.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=9)
    error = refused(
        openai.PermissionDeniedError, lambda: managed.chat.completions.create(model=MODEL, messages=HELLO)
    )
    assert error.status_code == 403 and error.response.json()["statusCode"] == 403
    assert error.response.json()["message"].startswith("Token quota is exceeded.")


async def test_many_streams_at_once():
    async with openai.AsyncOpenAI(base_url=OPEN + "/v1", api_key="any", max_retries=0) as many:

        async def one(number):
            stream = await many.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": str(number)}], max_tokens=40, stream=True
            )
            deltas = [chunk.choices[0].delta.content async for chunk in stream if chunk.choices]
            return len([delta for delta in deltas if delta])

        assert await asyncio.gather(*map(one, range(STREAMS))) == [40] * STREAMS


def test_azure():
    def azure(key):
        return openai.AzureOpenAI(
            azure_endpoint=STRICT, api_key=key, api_version="2024-10-21", max_retries=0
        )

    client = azure(KEY)
    answer = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, max_tokens=4)
    assert answer.headers["apim-request-id"] and answer.headers["x-ms-request-id"]
    assert answer.parse().usage.completion_tokens == 4
    chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=4, stream=True))
    assert chunks[0].choices == [] and chunks[0].prompt_filter_results
    assert len([c for c in chunks if c.choices and c.choices[0].delta.content]) == 4
    assert len(client.embeddings.create(model=MODEL, input="a", dimensions=8).data[0].embedding) == 8
    assert client.completions.create(model=MODEL, prompt="a", max_tokens=2).choices[0].text
    assert client.responses.create(model=MODEL, input="a").output_text
    with raises(openai.AuthenticationError, 401):
        azure("wrong").chat.completions.create(model=MODEL, messages=HELLO)
    with raises(openai.NotFoundError, 404):
        client.chat.completions.create(model="another", messages=HELLO)


main()
