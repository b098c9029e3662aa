"""The lifecycle policy, where the cluster has the plugin for it (index state management). No I/O.

It rolls data streams over and puts off what is not hot any more when a node starts. It deletes nothing: the
plugin knows neither legal holds nor the ledger, so the collector removes. Nor does it merge: the plugin would
forbid writing to an index first, and so the removal of single sessions; the collector merges.
"""

from webhook.store.opensearch.names import Names
from webhook.store.opensearch.templates import Json

POLICIES = "/_plugins/_ism/policies"


def lifecycle_policies(names: Names, *, hot_months: int) -> dict[str, Json]:
    """Give the policies by name; they apply themselves to new indices."""
    cold: Json = {"name": "cold", "actions": [{"index_priority": {"priority": 1}}], "transitions": []}
    roll: Json = {"rollover": {"min_index_age": "30d", "min_size": "30gb"}}

    def hot(name: str, actions: list[Json]) -> Json:
        return {
            "name": name,
            "actions": [*actions, {"index_priority": {"priority": 100}}],
            "transitions": [{"state_name": "cold", "conditions": {"min_index_age": f"{hot_months * 31}d"}}],
        }

    def policy(what: str, patterns: list[str], first: Json) -> Json:
        return {
            "policy": {
                "description": f"Chaperone: {what}; the collector removes what is too old",
                "default_state": "hot",
                "states": [first, cold],
                "ism_template": [{"index_patterns": patterns, "priority": 500}],
            }
        }

    return {
        f"{names.prefix}-streams": policy("data streams", [names.events, names.audit], hot("hot", [roll])),
        f"{names.prefix}-months": policy(
            "indices by month", [names.all_sessions, names.all_passages], hot("hot", [])
        ),
    }
