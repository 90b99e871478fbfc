"""The OpenAPI document of the API: each model has its own schema of a request."""

from collections.abc import Iterable
from typing import Any

from seqforge.errors import SeqforgeError
from seqforge.plugin import registry
from seqforge.sampling.controls import Controls
from seqforge.studio.forms import schema_of
from seqforge.studio.models import Entry
from seqforge.version import __version__

__all__ = ["openapi_document"]

_TEXT = {"type": "string"}
_FILE = {"type": "string", "format": "byte", "description": "The content of a file, in base64."}


def openapi_document(entries: Iterable[Entry]) -> dict[str, Any]:
    """Return the document as plain JSON.

    >>> openapi_document([])["openapi"]
    '3.1.0'

    Source: OpenAPI Initiative, OpenAPI Specification 3.1.0.

    Args:
        entries: The models.
    """
    entries = list(entries)
    model = {"type": "string", "enum": [entry.name for entry in entries]}
    requests = {}
    for plugin in dict.fromkeys(entry.plugin for entry in entries):
        try:
            requests[f"request_{plugin}"] = schema_of(registry.load(plugin).Request)
        except SeqforgeError:
            continue
    schemas: dict[str, Any] = {"controls": schema_of(Controls), **requests}
    request = (
        {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in requests]} if requests else {"type": "object"}
    )
    common = {
        "model": model,
        "seed": {"type": "integer", "minimum": 0, "default": 0},
        "length": {"type": "number", "description": "Length in natural units, prompt included."},
        "candidates": {"type": "integer", "minimum": 0, "maximum": 16, "default": 0},
        "labels": {"type": "object", "additionalProperties": _TEXT},
        "controls": {"$ref": "#/components/schemas/controls"},
        "request": request,
        "format": {"type": "string", "description": "Suffix of the file that is returned, such as .mid."},
    }
    generate = {
        **common,
        "n": {"type": "integer", "minimum": 1, "maximum": 8, "default": 1},
        "stream": {"type": "boolean", "default": False, "description": "Return server-sent events."},
    }
    file = {"model": model, "file": _FILE, "name": {"type": "string", "description": "Its name, with the suffix."}}
    infill = {**common, **file, "numbers": {"type": "array", "items": {"type": "integer"}, "description": "The bars."}}
    prior = {"enum": ["uniform", "corpus"], "default": "uniform", "description": "The prior of the values."}
    temperature = {
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 1,
        "description": "Divisor of the log-likelihoods; `seqforge evaluate --classify` prints a fitted one.",
    }
    top = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 20}
    return {
        "openapi": "3.1.0",
        "info": {"title": "seqforge", "version": __version__, "description": "Generate and score sequences."},
        "security": [{"token": []}],
        "paths": {
            "/v1/models": {"get": _operation("List the models.")},
            "/v1/generate": {"post": _operation("Generate pieces.", generate, ["model"])},
            "/v1/next": {
                "post": _operation(
                    "Return the most probable next steps.",
                    {"model": model, "prompt": _TEXT, "labels": common["labels"], "top": top},
                    ["model"],
                )
            },
            "/v1/score": {
                "post": _operation("Return the loss of each piece of a file.", file, ["model", "file", "name"])
            },
            "/v1/infill": {
                "post": _operation(
                    "Rewrite regions of the first piece of a file; all others stay.",
                    infill,
                    ["model", "file", "name", "numbers"],
                )
            },
            "/v1/classify": {
                "post": _operation(
                    "Return the probability of each value of a label.",
                    {**file, "label": _TEXT, "prior": prior, "temperature": temperature},
                    ["model", "file", "name"],
                )
            },
        },
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(summary: str, properties: dict[str, Any] | None = None, required: Iterable[str] = ()) -> dict[str, Any]:
    answers = {
        "200": {"description": "The result.", "content": {"application/json": {"schema": {"type": "object"}}}},
        "400": {"description": "The request is wrong; `error` is one sentence, `field` the name of the field."},
        "403": {"description": "The token is missing, or the request comes from another site."},
        "503": {"description": "Too many requests wait."},
    }
    operation: dict[str, Any] = {"summary": summary, "responses": answers}
    if properties is not None:
        schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation
