"""The description of the API as a page for people: no script, nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

Document = Mapping[str, Any]

_METHODS = ("get", "post", "put", "delete")
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1b1f24;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem;margin-bottom:.2rem}
code{font:13px ui-monospace,monospace}a{color:#0969da}summary{cursor:pointer;padding:.15rem 0}
details>div{margin:.2rem 0 .8rem 1.2rem}ul{margin:.2rem 0;padding-left:1.2rem}
.method{display:inline-block;width:4.5rem;font-weight:600}.hint{color:#57606a}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}a{color:#58a6ff}
.hint{color:#9198a1}}
"""


def page(document: Document) -> str:
    """The page."""
    title = _safe(f"{document['info']['title']} {document['info']['version']}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
        '<p>For programs: <a href="/openapi.json">openapi.json</a></p>'
        f"{''.join(_sections(document))}{''.join(_schemas(document))}</body></html>"
    )


def _sections(document: Document) -> Iterator[str]:
    operations = [
        (operation["tags"][0], method, path, {**operation, "shared": item.get("parameters", ())})
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    ]
    operations.sort(key=lambda each: (each[0], each[2], _METHODS.index(each[1])))
    for tag, group in groupby(operations, key=lambda each: each[0]):
        yield f"<h2>{_safe(tag)}</h2>"
        for _, method, path, operation in group:
            yield _operation(method, path, operation)


def _operation(method: str, path: str, operation: Document) -> str:
    heading = (
        f'<span class="method">{method.upper()}</span><code>{_safe(path)}</code> '
        f'<span class="hint">{_safe(operation["summary"])}</span>'
    )
    parts = [f"<p>Operation <code>{_safe(operation['operationId'])}</code></p>"]
    parameters = [*operation["shared"], *operation.get("parameters", ())]
    if parameters:
        parts.append(f"<p>Parameters</p><ul>{''.join(map(_parameter, parameters))}</ul>")
    if "requestBody" in operation:
        parts.append(f"<p>Body: {_content(operation['requestBody'])}</p>")
    for status, response in operation["responses"].items():
        if "$ref" not in response:
            parts.append(f"<p>{status}: {_content(response) or 'nothing'}</p>")
    return f"<details><summary>{heading}</summary><div>{''.join(parts)}</div></details>"


def _parameter(parameter: Document) -> str:
    needed = ", needed" if parameter["required"] else ""
    kind = _type(parameter["schema"])
    return f"<li><code>{_safe(parameter['name'])}</code> {kind}, {parameter['in']}{needed}</li>"


def _content(node: Document) -> str:
    return ", ".join(_type(entry["schema"]) for entry in node.get("content", {}).values())


def _schemas(document: Document) -> Iterator[str]:
    yield "<h2>Schemas</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield f'<h3 id="{_safe(name)}">{_safe(name)}</h3>{_members(schema) or _type(schema)}'


def _members(schema: Document) -> str:
    properties = schema.get("properties")
    if not properties:
        return ""
    needed = schema.get("required", ())
    items = (_member(key, value, needed=key in needed) for key, value in properties.items())
    return f"<ul>{''.join(items)}</ul>"


def _member(name: str, schema: Document, *, needed: bool) -> str:
    words = schema.get("description", "")
    inner = schema.get("items") or schema.get("additionalProperties")
    nested = _members(schema) or (_members(inner) if isinstance(inner, Mapping) else "")
    mark = ", needed" if needed else ""
    hint = f' <span class="hint">{_safe(words)}</span>' if words else ""
    return f"<li><code>{_safe(name)}</code> {_type(schema)}{mark}{hint}{nested}</li>"


def _type(schema: Document) -> str:
    """The type in a few words."""
    if "$ref" in schema:
        name = _safe(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "allOf" in schema:
        return _type(schema["allOf"][0])
    if "enum" in schema:
        return " | ".join(f"<code>{_safe(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    inner = schema.get("additionalProperties")
    if isinstance(inner, Mapping):
        return f"map of {_type(inner)}"
    return _safe(str(schema.get("type", "anything")))


def _safe(text: str) -> str:
    return html.escape(text, quote=True)
