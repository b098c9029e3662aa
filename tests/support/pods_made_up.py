"""Pods of every kind for property tests, as the API server sends them: without empty lists and objects."""

from typing import Any

from hypothesis import strategies as st

Object = dict[str, Any]
_names = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
_labels = st.dictionaries(_names, _names, min_size=1, max_size=2)
_mounts = st.fixed_dictionaries({"name": _names, "mountPath": _names.map("/data/{}".format)})
_variables = st.fixed_dictionaries({"name": _names, "value": _names})
_containers = st.lists(
    st.fixed_dictionaries(
        {"name": _names, "image": _names},
        optional={
            "volumeMounts": st.lists(_mounts, min_size=1, max_size=2),
            "env": st.lists(_variables, min_size=1, max_size=2),
            "securityContext": st.just({"privileged": True}),
        },
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: str(one["name"]),
)
_volumes = st.fixed_dictionaries({"name": _names}, optional={"hostPath": st.just({"path": "/"})})
_specs = st.fixed_dictionaries(
    {"containers": _containers},
    optional={
        "initContainers": _containers,
        "volumes": st.lists(_volumes, min_size=1, max_size=2),
        "hostAliases": st.just([{"ip": "10.1.1.1", "hostnames": ["db"]}]),
        "dnsPolicy": st.sampled_from(["ClusterFirst", "Default"]),
        "hostNetwork": st.just(True),
    },
)
made_up_pods: st.SearchStrategy[Object] = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"name": _names}, optional={"labels": _labels, "annotations": _labels}
        ),
        "spec": _specs,
    }
)
