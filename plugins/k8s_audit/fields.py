"""The fields: upstream's ``ka.*``, ``json.*`` and ``jevt.*``, and the path namespace ``k8s.audit``.

Names, types, arguments and answers are those of upstream's k8saudit and json plugins; see
``extract.cpp`` for the ones that are more than a value at a pointer.
"""

from __future__ import annotations

from plugins.sdk.model import Argument, Extract, Field

#: What is no audit event has no value for any ``ka.*`` field.
AUDIT = "/auditID"


def _ka(name: str, json: str, desc: str, *, is_list: bool = False) -> Field:
    return Field(f"ka.{name}", desc=desc, json=json, is_list=is_list, when=AUDIT, null_is_text=True)


def _request(
    name: str,
    function: str,
    keys: str,
    desc: str,
    *,
    is_list: bool = True,
    argument: Argument = Argument.INDEX,
) -> Field:
    """A field over a list in ``requestObject.spec``; ``keys`` lead there and on, by dots."""
    parts = ("spec", *keys.split("."))
    return Field(
        f"ka.req.{name}",
        desc=desc,
        is_list=is_list,
        argument=argument,
        extract=Extract.FUNCTION,
        when=AUDIT,
        function=function,
        anchors=("/requestObject", "/requestObject/spec", f"/requestObject/spec/{parts[1]}"),
        needs=f"/requestObject/spec/{parts[1]}",
        parameters=parts,
    )


def _single(name: str, function: str, keys: str, desc: str) -> Field:
    return _request(name, function, keys, desc, is_list=False, argument=Argument.NONE)


def _function(
    name: str,
    function: str,
    anchors: tuple[str, ...],
    desc: str,
    *,
    needs: str = "",
    parameters: tuple[str, ...] = (),
    is_list: bool = False,
    argument: Argument = Argument.NONE,
) -> Field:
    return Field(
        f"ka.{name}",
        desc=desc,
        is_list=is_list,
        argument=argument,
        extract=Extract.FUNCTION,
        when=AUDIT,
        function=function,
        anchors=anchors,
        needs=needs or (anchors[0] if anchors else ""),
        parameters=parameters,
    )


def _subjects(name: str, desc: str, *parameters: str) -> Field:
    return _function(
        f"req.binding.subjects.{name}",
        "subject_names",
        ("/requestObject/subjects",),
        desc,
        parameters=parameters,
        is_list=True,
    )


def _rules(key: str, desc: str) -> Field:
    return _function(
        f"req.role.rules.{key}",
        "role_rules",
        ("/requestObject",),
        desc,
        needs="/requestObject/rules",
        parameters=("rules", key),
        is_list=True,
        argument=Argument.INDEX,
    )


def _containers(kind: str, whose: str) -> dict[str, Field]:
    """The fields of one kind of containers, by the last part of their names."""

    def entry(name: str, function: str, keys: str, desc: str) -> tuple[str, Field]:
        field = _request(f"pod.{kind}.{name}", function, f"{kind}.{keys}", f"{desc} {whose}")
        return name, field

    secured = "securityContext"
    return dict(
        [
            entry("args", "joined", "args", "Arguments, joined by spaces, of"),
            entry("command", "joined", "command", "Command, joined by spaces, of"),
            entry("name", "whole_values", "name", "Name of"),
            entry("image", "whole_values", "image", "Image of"),
            entry("image.repository", "repositories", "image", "Image, without tag and digest, of"),
            entry(
                "host_port",
                "host_ports",
                "ports",
                "Host ports (else container ports) asked for by",
            ),
            entry("privileged", "values", f"{secured}.privileged", "The privileged flag of"),
            entry(
                "allow_privilege_escalation",
                "values",
                f"{secured}.allowPrivilegeEscalation",
                "The allowPrivilegeEscalation flag of",
            ),
            entry(
                "read_only_fs",
                "values",
                f"{secured}.readOnlyRootFilesystem",
                "The readOnlyRootFilesystem flag of",
            ),
            entry("run_as_user", "values", f"{secured}.runAsUser", "The runAsUser id of"),
            entry(
                "eff_run_as_user",
                "effective_ids",
                "runAsUser",
                "User id, from the container or else the pod or else 0, of",
            ),
            entry("run_as_group", "values", f"{secured}.runAsGroup", "The runAsGroup id of"),
            entry(
                "eff_run_as_group",
                "effective_ids",
                "runAsGroup",
                "Group id, from the container or else the pod or else 0, of",
            ),
            entry("proc_mount", "values", f"{secured}.procMount", "The procMount type of"),
            entry(
                "add_capabilities",
                "values",
                f"{secured}.capabilities.add",
                "Capabilities added to",
            ),
        ]
    )


_POD = _containers("containers", "every container of the pod in the request")
_INIT = _containers("initContainers", "every init container of the pod in the request")
_EPHEMERAL = _containers(
    "ephemeralContainers", "every ephemeral container of the pod in the request"
)
del _EPHEMERAL["host_port"]  # ephemeral containers have no ports

#: In upstream's order.
KA = (
    _ka("auditid", "/auditID", "Id of the audit event"),
    _ka("stage", "/stage", "Stage of the request: RequestReceived, ResponseComplete and so on"),
    _ka(
        "auth.decision", "/annotations/authorization.k8s.io~1decision", "Decision of authorization"
    ),
    _ka("auth.reason", "/annotations/authorization.k8s.io~1reason", "Reason of that decision"),
    _ka(
        "auth.openshift.decision",
        "/annotations/authentication.openshift.io~1decision",
        "Decision of authentication, on OpenShift clusters",
    ),
    _ka(
        "validations.admission.policy.failure",
        "/annotations/validation.policy.admission.k8s.io~1validation_failure",
        "What a validating admission policy objected to",
    ),
    _ka(
        "security.pod.violations",
        "/annotations/pod-security.kubernetes.io~1audit-violations",
        "What violates the pod security standard in force",
    ),
    _ka(
        "auth.openshift.username",
        "/annotations/authentication.openshift.io~1username",
        "User who authenticated, on OpenShift clusters",
    ),
    _ka("user.name", "/user/username", "User who made the request"),
    _ka("user.groups", "/user/groups", "Groups of that user", is_list=True),
    _ka("impuser.name", "/impersonatedUser/username", "User who was impersonated"),
    _ka("verb", "/verb", "What was done: create, get, list and so on"),
    _ka("uri", "/requestURI", "URI of the request as the client sent it"),
    _function(
        "uri.param",
        "uri_parameter",
        ("/requestURI",),
        "Value of a query parameter of the URI: ka.uri.param[key] of /foo?key=val is val",
        argument=Argument.REQUIRED_KEY,
    ),
    _ka("target.name", "/objectRef/name", "Name of the object concerned"),
    _ka("target.namespace", "/objectRef/namespace", "Namespace of the object concerned"),
    _ka("target.resource", "/objectRef/resource", "Resource concerned: pods, secrets and so on"),
    _ka("target.subresource", "/objectRef/subresource", "Subresource concerned: exec, log …"),
    _function(
        "target.pod.name",
        "target_pod_name",
        (
            "/responseObject/metadata/name",
            "/objectRef/resource",
            "/objectRef/subresource",
        ),
        "Name of the pod concerned, from the response",
    ),
    _ka(
        "req.binding.subjects",
        "/requestObject/subjects",
        "Subjects of the role binding in the request, as JSON",
        is_list=True,
    ),
    _subjects("user_names", "Users that the role binding in the request binds", "User"),
    _subjects(
        "serviceaccount_names",
        "Service accounts that the role binding in the request binds",
        "ServiceAccount",
    ),
    _subjects(
        "serviceaccount_ns_names",
        "Service accounts that the role binding in the request binds, as namespace:name",
        "ServiceAccount",
        "namespace",
    ),
    _subjects("group_names", "Groups that the role binding in the request binds", "Group"),
    _ka("req.binding.role", "/requestObject/roleRef/name", "Role that the role binding refers to"),
    _function(
        "req.binding.subject.has_name",
        "always_true",
        (),
        "Deprecated: always true",
        argument=Argument.REQUIRED_KEY,
    ),
    _ka("req.configmap.name", "/objectRef/name", "Name of the config map concerned"),
    _ka("req.configmap.obj", "/requestObject/data", "Data of the config map in the request"),
    _POD["args"],
    _POD["command"],
    _POD["name"],
    _POD["image"],
    _single(
        "container.image",
        "first_image",
        "containers.image",
        "Deprecated, see ka.req.pod.containers.image: image of the first container",
    ),
    _POD["image.repository"],
    _single(
        "container.image.repository",
        "first_repository",
        "containers.image",
        "Deprecated, see ka.req.pod.containers.image.repository: that of the first container",
    ),
    _ka("req.pod.host_ipc", "/requestObject/spec/hostIPC", "The hostIPC flag of the pod"),
    _ka(
        "req.pod.host_network", "/requestObject/spec/hostNetwork", "The hostNetwork flag of the pod"
    ),
    _ka(
        "req.container.host_network",
        "/requestObject/spec/hostNetwork",
        "Deprecated, see ka.req.pod.host_network",
    ),
    _ka("req.pod.host_pid", "/requestObject/spec/hostPID", "The hostPID flag of the pod"),
    _POD["host_port"],
    _POD["privileged"],
    _single(
        "container.privileged",
        "any_privileged",
        "containers.securityContext.privileged",
        "Deprecated, see ka.req.pod.containers.privileged: true if any container is privileged",
    ),
    _POD["allow_privilege_escalation"],
    _POD["read_only_fs"],
    _ka(
        "req.pod.run_as_user",
        "/requestObject/spec/securityContext/runAsUser",
        "The runAsUser id of the pod as a whole",
    ),
    _POD["run_as_user"],
    _POD["eff_run_as_user"],
    _ka(
        "req.pod.run_as_group",
        "/requestObject/spec/securityContext/runAsGroup",
        "The runAsGroup id of the pod as a whole",
    ),
    _POD["run_as_group"],
    _POD["eff_run_as_group"],
    _POD["proc_mount"],
    _ka(
        "req.role.rules",
        "/requestObject/rules",
        "Rules of the role in the request, as JSON",
        is_list=True,
    ),
    _rules("apiGroups", "API groups in the rules of the role in the request"),
    _rules("nonResourceURLs", "Non-resource URLs in the rules of the role in the request"),
    _rules("verbs", "Verbs in the rules of the role in the request"),
    _rules("resources", "Resources in the rules of the role in the request"),
    _ka(
        "req.pod.fs_group",
        "/requestObject/spec/securityContext/fsGroup",
        "The fsGroup id of the pod",
    ),
    _ka(
        "req.pod.supplemental_groups",
        "/requestObject/spec/securityContext/supplementalGroups",
        "The supplementalGroups ids of the pod",
        is_list=True,
    ),
    _POD["add_capabilities"],
    _ka("req.service.type", "/requestObject/spec/type", "Type of the service in the request"),
    _request("service.ports", "values", "ports", "Ports of the service in the request, as JSON"),
    _request(
        "pod.volumes.hostpath",
        "values",
        "volumes.hostPath.path",
        "Host paths that the volumes of the pod in the request mount",
    ),
    _request(
        "volume.hostpath",
        "has_host_path",
        "volumes.hostPath.path",
        "Deprecated, see ka.req.pod.volumes.hostpath: true if a volume mounts the path of the "
        "argument (a prefix where it ends with *)",
        is_list=False,
        argument=Argument.REQUIRED_KEY,
    ),
    _request(
        "pod.volumes.flexvolume_driver",
        "values",
        "volumes.flexVolume.driver",
        "Flexvolume drivers of the volumes of the pod in the request",
    ),
    _request(
        "pod.volumes.volume_type",
        "volume_types",
        "volumes.",
        "Types of the volumes of the pod in the request",
    ),
    _ka("resp.name", "/responseObject/metadata/name", "Name of the object in the response"),
    _ka("response.code", "/responseStatus/code", "HTTP status of the response"),
    _ka("response.reason", "/responseStatus/reason", "Reason in the response, mostly of failures"),
    _ka("useragent", "/userAgent", "User agent of the client"),
    # Upstream looks for the addresses among the rules of a role, so there are hardly ever any.
    _function(
        "sourceips",
        "role_rules",
        ("/requestObject",),
        "Addresses of the client (upstream gives none; see k8s.audit.sourceIPs[*])",
        needs="/requestObject/rules",
        parameters=("rules", "sourceIPs"),
        is_list=True,
        argument=Argument.INDEX,
    ),
    _ka("cluster.name", "/annotations/cluster_name", "Name of the cluster"),
    *_INIT.values(),
    *_EPHEMERAL.values(),
)


def _json(prefix: str) -> tuple[Field, ...]:
    return (
        Field(
            f"{prefix}.value",
            desc="The value at a JSON pointer (RFC 6901): json.value[/user/username]",
            argument=Argument.REQUIRED_KEY,
            extract=Extract.ARGUMENT,
            null_is_text=True,
        ),
        Field(f"{prefix}.obj", desc="The whole event as indented JSON", extract=Extract.DOCUMENT),
        Field(
            f"{prefix}.rawtime",
            desc="Time of the event in nanoseconds since the epoch",
            extract=Extract.TIME,
        ),
    )


#: ``json.*`` and its older names.
JSON = (*_json("json"), *_json("jevt"))

#: The whole event by path; falcowb lets people write ``k8s.audit.user.username``.
PATHS = (
    Field(
        "k8s.audit",
        desc="Every value at a path: k8s.audit[user.username], "
        "k8s.audit[response.spec.containers[*].image], in falcowb also k8s.audit.user.username",
        is_list=True,
        argument=Argument.REQUIRED_KEY,
        extract=Extract.PATH,
    ),
)

#: First steps of a path that stand for something else.
PATH_ALIASES = {
    "resource": "/objectRef/resource",
    "namespace": "/objectRef/namespace",
    "name": "/objectRef/name",
    "subresource": "/objectRef/subresource",
    "apiGroup": "/objectRef/apiGroup",
    "request": "/requestObject",
    "response": "/responseObject",
    "code": "/responseStatus/code",
}

FIELDS = (*KA, *JSON, *PATHS)
