"""A small cluster and its audit log: who there is, and how the API server writes what they do.

Used by ``make_k8s_intrusion.py``. The shape of an event is that of ``audit.k8s.io/v1`` as
Kubernetes 1.32 writes it (types in k8s.io/apiserver, package ``pkg/apis/audit/v1``). The audit
policy played here: nothing at RequestReceived; reads, leases, secrets, configmaps, token and
access reviews at Metadata; writes at RequestResponse with managed fields left out; the creation
of events, leader election and token reviews not at all.
"""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

VERSION = "v1.32.3"
BUILD = "(linux/amd64) kubernetes/32cc146"
START = datetime(2026, 5, 19, 14, 0, 0, tzinfo=UTC)
NODES = {"cp-1": "10.20.0.10", "worker-1": "10.20.0.21", "worker-2": "10.20.0.22"}
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Actor:
    """Who asks: as the ``user``, ``sourceIPs`` and ``userAgent`` of an event tell it."""

    username: str
    groups: tuple[str, ...]
    address: str
    agent: str
    uid: str = ""
    extra: Json = field(default_factory=dict)
    reason: str = ""

    def user(self) -> Json:
        user: Json = {"username": self.username}
        if self.uid:
            user["uid"] = self.uid
        user["groups"] = list(self.groups)
        if self.extra:
            user["extra"] = self.extra
        return user


class AuditLog:
    """Events in the order they are told; :meth:`text` gives them in the order of their time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.events: list[tuple[datetime, int, Json]] = []
        self.version = 48_210_377

    # -- small facts -------------------------------------------------------------------------

    def uid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def suffix(self, length: int = 5) -> str:
        """A random name ending, from the letters that Kubernetes uses for them."""
        return "".join(self.random.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(length))

    def resource_version(self) -> str:
        self.version += self.random.randint(1, 9)
        return str(self.version)

    # -- actors ------------------------------------------------------------------------------

    def person(self, name: str, address: str, agent: str, *groups: str, reason: str) -> Actor:
        """Somebody who signs in through the company's OpenID Connect provider."""
        return Actor(
            username=f"{name}@storefront.example",
            groups=(*groups, "system:authenticated"),
            address=address,
            agent=agent,
            reason=reason,
        )

    def node(self, name: str) -> Actor:
        digest = f"{self.random.getrandbits(256):064x}"
        return Actor(
            username=f"system:node:{name}",
            groups=("system:nodes", "system:authenticated"),
            address=NODES[name],
            agent=f"kubelet/{VERSION} {BUILD}",
            extra={"authentication.kubernetes.io/credential-id": [f"X509SHA256={digest}"]},
        )

    def service_account(
        self,
        namespace: str,
        name: str,
        *,
        address: str,
        agent: str,
        pod: str = "",
        node: str = "",
        reason: str,
    ) -> Actor:
        """A service account; with ``pod``, its token is bound to that pod and says so."""
        extra: Json = {"authentication.kubernetes.io/credential-id": [f"JTI={self.uid()}"]}
        if pod:
            extra |= {
                "authentication.kubernetes.io/node-name": [node],
                "authentication.kubernetes.io/node-uid": [self.uid()],
                "authentication.kubernetes.io/pod-name": [pod],
                "authentication.kubernetes.io/pod-uid": [self.uid()],
            }
        return Actor(
            username=f"system:serviceaccount:{namespace}:{name}",
            groups=(
                "system:serviceaccounts",
                f"system:serviceaccounts:{namespace}",
                "system:authenticated",
            ),
            address=address,
            agent=agent,
            uid=self.uid(),
            extra=extra,
            reason=reason,
        )

    def controller(self, name: str) -> Actor:
        """One of the loops of the controller manager, under its own service account."""
        account = f"system:serviceaccount:kube-system:{name}"
        role = f"system:controller:{name}"
        return self.service_account(
            "kube-system",
            name,
            address=NODES["cp-1"],
            agent=f"kube-controller-manager/{VERSION} {BUILD}/{account}",
            reason=cluster_binding(role, role, f'ServiceAccount "{name}/kube-system"'),
        )

    # -- events ------------------------------------------------------------------------------

    def add(
        self,
        at: float,
        actor: Actor,
        verb: str,
        uri: str,
        *,
        code: int = 200,
        ref: Json | None = None,
        request: Json | None = None,
        response: Json | None = None,
        status: Json | None = None,
        level: str = "",
        stage: str = "ResponseComplete",
        allowed: bool = True,
        reason: str | None = None,
        annotations: Json | None = None,
        lasted: float | None = None,
        audit_id: str = "",
    ) -> str:
        """One event, ``at`` seconds after :data:`START`; gives its audit id.

        An event with an ``audit_id`` given is one of several of a request: its time is exact.
        """
        received = START + timedelta(seconds=at)
        if not audit_id:
            received += timedelta(microseconds=self.random.randint(1000, 99_000))
        took = lasted if lasted is not None else self.random.uniform(0.002, 0.018)
        staged = received + timedelta(seconds=took)
        audit_id = audit_id or self.uid()
        event: Json = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": level or ("RequestResponse" if request or response else "Metadata"),
            "auditID": audit_id,
            "stage": stage,
            "requestURI": uri,
            "verb": verb,
            "user": actor.user(),
            "sourceIPs": [actor.address],
            "userAgent": actor.agent,
        }
        if ref:
            event["objectRef"] = ref
        event["responseStatus"] = {"metadata": {}, **(status or {}), "code": code}
        if request:
            event["requestObject"] = request
        if response:
            event["responseObject"] = response
        event["requestReceivedTimestamp"] = stamp(received)
        event["stageTimestamp"] = stamp(staged)
        event["annotations"] = {
            **(annotations or {}),
            "authorization.k8s.io/decision": "allow" if allowed else "forbid",
            "authorization.k8s.io/reason": (
                (actor.reason if reason is None else reason) if allowed else ""
            ),
        }
        self.events.append((staged, len(self.events), event))
        return audit_id

    def session(
        self,
        at: float,
        actor: Actor,
        verb: str,
        uri: str,
        ref: Json,
        *,
        lasted: float,
        code: int = 200,
        level: str = "",
        reason: str | None = None,
    ) -> None:
        """A long-running request: logged once when the answer starts, once when it ends."""
        audit_id = self.uid()
        at = round(at + self.random.uniform(0.001, 0.099), 6)
        for stage, took in (("ResponseStarted", None), ("ResponseComplete", lasted)):
            self.add(
                at,
                actor,
                verb,
                uri,
                code=code,
                ref=ref,
                level=level,
                stage=stage,
                reason=reason,
                lasted=took,
                audit_id=audit_id,
            )

    def refuse(self, at: float, actor: Actor, verb: str, uri: str, ref: Json) -> None:
        """Answered with 403: no rule allows it. The body is then never read, so never logged."""
        kind = ref["resource"] + (f"/{ref['subresource']}" if ref.get("subresource") else "")
        named = f' "{ref["name"]}"' if ref.get("name") else ""
        where = (
            f' in the namespace "{ref["namespace"]}"'
            if ref.get("namespace")
            else " at the cluster scope"
        )
        group = ref.get("apiGroup", "")
        shown = f"{ref['resource']}.{group}" if group else ref["resource"]
        details: Json = {"name": ref["name"]} if ref.get("name") else {}
        if group:
            details["group"] = group
        details["kind"] = ref["resource"]
        status = {
            "status": "Failure",
            "message": (
                f'{shown}{named} is forbidden: User "{actor.username}" cannot {verb} resource '
                f'"{kind}" in API group "{group}"{where}'
            ),
            "reason": "Forbidden",
            "details": details,
        }
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, **status, "code": 403}
        self.add(
            at,
            actor,
            verb,
            uri,
            code=403,
            ref=ref,
            response=None if verb in ("get", "list", "watch") else body,
            status=status,
            allowed=False,
        )

    def text(self) -> str:
        """JSON, one event a line, with ``<``, ``>`` and ``&`` escaped as the API server does."""
        lines = []
        for _, _, event in sorted(self.events, key=lambda item: item[:2]):
            line = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
            for char in "<>&":
                line = line.replace(char, f"\\u{ord(char):04x}")
            lines.append(line + "\n")
        return "".join(lines)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds(at: float) -> str:
    """A time as objects carry it: whole seconds."""
    return (START + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")


def binding(name: str, namespace: str, role: str, subject: str) -> str:
    return f'RBAC: allowed by RoleBinding "{name}/{namespace}" of Role "{role}" to {subject}'


def cluster_binding(name: str, role: str, subject: str) -> str:
    return f'RBAC: allowed by ClusterRoleBinding "{name}" of ClusterRole "{role}" to {subject}'


def ref(
    resource: str,
    namespace: str = "",
    name: str = "",
    *,
    group: str = "",
    version: str = "v1",
    subresource: str = "",
    uid: str = "",
) -> Json:
    """An event's ``objectRef``; empty members are left out, as the API server leaves them."""
    members = {
        "resource": resource,
        "namespace": namespace,
        "name": name,
        "uid": uid,
        "apiGroup": group,
        "apiVersion": version,
        "subresource": subresource,
    }
    return {key: value for key, value in members.items() if value}


def uri(reference: Json, query: str = "") -> str:
    """The path of an ``objectRef``, as clients ask for it."""
    group = reference.get("apiGroup")
    parts = [f"/apis/{group}" if group else "/api", reference["apiVersion"]]
    if reference.get("namespace"):
        parts += ["namespaces", reference["namespace"]]
    parts.append(reference["resource"])
    parts += [reference[key] for key in ("name", "subresource") if reference.get(key)]
    return "/".join(parts) + (f"?{query}" if query else "")
