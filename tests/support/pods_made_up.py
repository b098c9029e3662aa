"""Pods of every kind for property tests, as the API server sends them: without empty lists and objects."""

from typing import Any

from hypothesis import strategies as st

Object = dict[str, Any]
_names = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
_labels = st.dictionaries(_names, _names, min_size=1, max_size=2)
_mounts = st.fixed_dictionaries({"name": _names, "mountPath": _names.map("/data/{}".format)})
_variables = st.fixed_dictionaries({"name": _names, "value": _names})
_Values = dict[str, st.SearchStrategy[Any]]


def _object(must: _Values, may: _Values | None = None) -> st.SearchStrategy[Object]:
    return st.fixed_dictionaries(must, optional=may or {})


_container = _object(
    {"name": _names, "image": _names},
    {
        "volumeMounts": st.lists(_mounts, min_size=1, max_size=2),
        "env": st.lists(_variables, min_size=1, max_size=2),
        "securityContext": st.just({"privileged": True}),
    },
)
_containers = st.lists(_container, min_size=1, max_size=3, unique_by=lambda one: str(one["name"]))
_volumes = _object({"name": _names}, {"hostPath": st.just({"path": "/"})})
_specs = _object(
    {"containers": _containers},
    {
        "initContainers": _containers,
        "volumes": st.lists(_volumes, min_size=1, max_size=2),
        "hostAliases": st.just([{"ip": "10.1.1.1", "hostnames": ["db"]}]),
        "dnsPolicy": st.sampled_from(["ClusterFirst", "Default"]),
        "hostNetwork": st.just(True),
    },
)
made_up_pods = _object(
    {"metadata": _object({"name": _names}, {"labels": _labels, "annotations": _labels}), "spec": _specs}
)
