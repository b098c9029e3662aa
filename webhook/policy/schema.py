"""Schemas of GuardPolicy, made from its types: JSON Schema for editors, and the CRD's structural one."""

from typing import Any, Final

import msgspec

from webhook.policy.document import API_VERSION, KIND, GuardPolicy, Spec

Json = dict[str, Any]
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_GROUP, _VERSION = API_VERSION.split("/")
_KEPT: Final = frozenset(
    """type format description enum required pattern minLength maxLength minItems maxItems maxProperties
    minimum maximum""".split()  # noqa: SIM905  a list of so many quoted words is hard to read
)
PLURAL: Final = "guardpolicies"
_CONDITION: Final[Json] = {
    "type": "object",
    "required": ["type", "status", "lastTransitionTime", "reason"],
    "properties": {
        "type": {"type": "string", "maxLength": 316},
        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
        "reason": {"type": "string", "maxLength": 1024},
        "message": {"type": "string", "maxLength": 32768},
        "observedGeneration": {"type": "integer", "format": "int64"},
        "lastTransitionTime": {"type": "string", "format": "date-time"},
    },
}
_STATUS: Final[Json] = {
    "type": "object",
    "properties": {
        "conditions": {
            "type": "array",
            "items": _CONDITION,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
        "lastGood": {
            "description": "The version that decides, while the object's own does not compile.",
            "type": "object",
            "required": ["spec"],
            "properties": {"spec": {"description": "As JSON.", "type": "string"}},
        },
    },
}


def json_schema() -> Json:
    """Give the JSON Schema (draft 2020-12) of a policy document."""
    components: Json = msgspec.json.schema(GuardPolicy)["$defs"]
    components["Metadata"] = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
    }
    return {
        "$schema": _DRAFT,
        "$id": f"https://{_GROUP}/schemas/{_VERSION}/{KIND}.json",
        "title": KIND,
        "type": "object",
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": KIND},
            "metadata": {"$ref": "#/$defs/Metadata"},
            "spec": {"$ref": "#/$defs/Spec"},
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "$defs": components,
    }


def structural_spec() -> Json:
    """Give the schema of ``spec`` as CRDs want it: nothing referred to, every type told."""
    schema = msgspec.json.schema(Spec)
    return _structural(schema, schema["$defs"])


def crd() -> Json:
    """Give the CustomResourceDefinition."""
    version: Json = {
        "name": _VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _object({"spec": structural_spec(), "status": _STATUS}, ["spec"])},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            _column("Mode", ".spec.mode"),
            _column("Compiled", '.status.conditions[?(@.type=="Compiled")].status'),
            _column("Active", '.status.conditions[?(@.type=="Active")].status'),
            _column("Since", '.status.conditions[?(@.type=="Active")].lastTransitionTime', kind="date"),
            _column("Description", ".spec.description", priority=1),
        ],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{_GROUP}"},
        "spec": {
            "group": _GROUP,
            "scope": "Cluster",
            "names": {"kind": KIND, "listKind": f"{KIND}List", "plural": PLURAL, "singular": KIND.lower()},
            "versions": [version],
        },
    }


def _object(properties: Json, required: list[str]) -> Json:
    return {"type": "object", "properties": properties, "required": required}


def _column(name: str, path: str, *, kind: str = "string", priority: int = 0) -> Json:
    column: Json = {"name": name, "type": kind, "jsonPath": path}
    return {**column, "priority": priority} if priority else column


def _structural(schema: Json, components: Json) -> Json:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return {**_structural(components[name], components), **_EXTRA.get(name, {})}
    if "anyOf" in schema:
        [given] = [option for option in schema["anyOf"] if option != {"type": "null"}]
        return _structural(given, components)
    kept = {key: value for key, value in schema.items() if key in _KEPT and value != []}
    if "enum" in schema:
        return {"type": "string", **kept}
    if schema.get("type") == "array":
        kept["items"] = _structural(schema["items"], components)
        if "name" in kept["items"].get("properties", {}):
            kept |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    if schema.get("type") == "object":
        kept |= _members(schema, components)
    return kept


def _members(schema: Json, components: Json) -> Json:
    """Give an object's members. Unknown ones are kept, so that the admission door sees and refuses them."""
    more: Json | None = schema.get("additionalProperties") or None
    if "properties" in schema:
        properties: Json = schema["properties"]
        parts = {name: _structural(part, components) for name, part in properties.items()}
        return {"properties": parts, "x-kubernetes-preserve-unknown-fields": True}
    if more is None:
        return {"x-kubernetes-preserve-unknown-fields": True}
    return {"additionalProperties": _structural(more, components)}


def _rules(*rules: tuple[str, str]) -> Json:
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}


_LINE_KINDS: Final = ("exact", "prefix", "glob", "regex")


def _exactly_one(*names: str) -> Json:
    given = " + ".join(f"(has(self.{name}) ? 1 : 0)" for name in names)
    return _rules((f"{given} == 1", f"give exactly one of {', '.join(names[:-1])} and {names[-1]}"))


_UNTRACED: Final = "has(self.session) && has(self.session.tracing) && self.session.tracing == 'none'"
_EXTRA: Final[dict[str, Json]] = {
    "Mode": {"default": "enforce"},
    "CommandLine": _exactly_one(*_LINE_KINDS),
    "Program": _exactly_one(*_LINE_KINDS, "cel"),
    "Rule": _rules(
        (
            "!has(self.approval) || self.action == 'approve'",
            "only a rule with action approve asks somebody; leave approval out",
        ),
        (
            "!has(self.breakGlass) || !self.breakGlass || self.action == 'audit'",
            "who breaks the glass is recorded; write action: audit",
        ),
        (
            "!has(self.commands) || self.action != 'deny'",
            "there is no session to a rule with action deny; leave commands out",
        ),
        (
            f"!has(self.commands) || !({_UNTRACED})",
            "programs that are not traced cannot be judged; leave commands out, or tracing: none",
        ),
        (
            "!has(self.mainProcess) || self.action != 'deny'",
            "there is no pod to a rule with action deny; leave mainProcess out",
        ),
    ),
    "Commands": _rules(
        (
            "!has(self.approval) || (has(self.approve) && size(self.approve) > 0)",
            "nothing waits for an approval; fill approve or leave approval out",
        )
    ),
}
"""What types cannot say, so that the API server says it too."""
