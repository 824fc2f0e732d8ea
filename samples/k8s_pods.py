"""The life of a pod as the audit log sees it: created, bound to a node, started, deleted."""

from __future__ import annotations

from dataclasses import dataclass, field

from k8s_cluster import NODES, VERSION, Actor, AuditLog, Json, cluster_binding, ref, seconds, uri

SCHEDULER = Actor(
    username="system:kube-scheduler",
    groups=("system:authenticated",),
    address=NODES["cp-1"],
    agent=f"kube-scheduler/{VERSION} (linux/amd64) kubernetes/32cc146/scheduler",
    reason=cluster_binding(
        "system:kube-scheduler", "system:kube-scheduler", 'User "system:kube-scheduler"'
    ),
)


@dataclass
class Pod:
    namespace: str
    name: str
    node: str
    account: str
    container: Json
    labels: Json = field(default_factory=dict)
    generate_name: str = ""
    owner: Json = field(default_factory=dict)
    spec: Json = field(default_factory=dict)
    volumes: list[Json] = field(default_factory=list)
    uid: str = ""

    def request(self) -> Json:
        """What the client posted, with the defaults that decoding fills in."""
        metadata: Json = (
            {"generateName": self.generate_name}
            if self.generate_name
            else {"name": self.name, "namespace": self.namespace}
        )
        metadata["creationTimestamp"] = None
        if self.labels:
            metadata["labels"] = self.labels
        if self.owner:
            metadata["ownerReferences"] = [self.owner]
        spec: Json = {}
        if self.volumes:
            spec["volumes"] = self.volumes
        spec["containers"] = [self._container()]
        spec |= {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": self.account,
            "serviceAccount": self.account,
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "enableServiceLinks": True,
            **self.spec,
        }
        return {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": metadata,
            "spec": spec,
            "status": {},
        }

    def response(self, at: float, log: AuditLog) -> Json:
        """What was stored: named, with the service account's token mounted and tolerations."""
        token = f"kube-api-access-{log.suffix()}"
        asked = self.request()
        metadata = {
            "name": self.name,
            **({"generateName": self.generate_name} if self.generate_name else {}),
            "namespace": self.namespace,
            "uid": self.uid,
            "resourceVersion": log.resource_version(),
            "creationTimestamp": seconds(at),
            **{k: v for k, v in asked["metadata"].items() if k in ("labels", "ownerReferences")},
        }
        sources = [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {
                "configMap": {
                    "name": "kube-root-ca.crt",
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                }
            },
        ]
        volumes = [
            *self.volumes,
            {"name": token, "projected": {"sources": sources, "defaultMode": 420}},
        ]
        mounts = [
            *self.container.get("volumeMounts", []),
            {
                "name": token,
                "readOnly": True,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            },
        ]
        tolerations = [
            {
                "key": f"node.kubernetes.io/{key}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
            for key in ("not-ready", "unreachable")
        ]
        spec = {
            **asked["spec"],
            "volumes": volumes,
            "containers": [{**self._container(), "volumeMounts": mounts}],
            "tolerations": tolerations,
            "priority": 0,
            "preemptionPolicy": "PreemptLowerPriority",
        }
        return {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": metadata,
            "spec": spec,
            "status": {"phase": "Pending", "qosClass": "Burstable"},
        }

    def _container(self) -> Json:
        return {
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": "IfNotPresent",
            **self.container,
        }


def create(log: AuditLog, at: float, actor: Actor, pod: Pod) -> None:
    """The pod is posted; a few milliseconds later the scheduler binds it to its node."""
    pod.uid = pod.uid or log.uid()
    target = ref("pods", pod.namespace, "" if pod.generate_name else pod.name)
    collection = ref("pods", pod.namespace)
    query = "" if pod.generate_name else "fieldManager=kubectl-create&fieldValidation=Strict"
    log.add(
        at,
        actor,
        "create",
        uri(collection, query),
        code=201,
        ref=target,
        request=pod.request(),
        response=pod.response(at, log),
        annotations={"pod-security.kubernetes.io/enforce-policy": "privileged:latest"},
    )
    bound = ref("pods", pod.namespace, pod.name, subresource="binding", uid=pod.uid)
    log.add(
        at + 0.11,
        SCHEDULER,
        "create",
        uri(bound),
        code=201,
        ref=bound,
        request={
            "kind": "Binding",
            "apiVersion": "v1",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
            "target": {"kind": "Node", "name": pod.node},
        },
        response={
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "code": 201,
        },
    )


def started(log: AuditLog, at: float, kubelet: Actor, pod: Pod, address: str) -> None:
    """The kubelet reads what the pod needs, and reports that it runs."""
    target = ref("pods", pod.namespace, pod.name)
    log.add(at, kubelet, "get", uri(target), ref=target)
    now = seconds(at + 2)
    conditions = [
        {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
        for kind in ("Ready", "ContainersReady", "PodReadyToStartContainers")
    ]
    status_ref = ref("pods", pod.namespace, pod.name, subresource="status")
    log.add(
        at + 2.2,
        kubelet,
        "patch",
        uri(status_ref),
        ref=status_ref,
        level="Request",
        request={
            "metadata": {"uid": pod.uid},
            "status": {
                "conditions": conditions,
                "containerStatuses": [
                    {
                        "image": pod.container["image"],
                        "name": pod.container["name"],
                        "ready": True,
                        "restartCount": 0,
                        "started": True,
                        "state": {"running": {"startedAt": now}},
                    }
                ],
                "phase": "Running",
                "podIP": address,
                "podIPs": [{"ip": address}],
            },
        },
    )


def delete(
    log: AuditLog, at: float, actor: Actor, pod: Pod, kubelet: Actor, stopping: float = 30.6
) -> None:
    """Deleted by name; once the containers are gone, ``stopping`` s later, the kubelet confirms."""
    target = ref("pods", pod.namespace, pod.name)
    options: Json = {"kind": "DeleteOptions", "apiVersion": "v1"}
    asked = options | {"propagationPolicy": "Background"}
    log.add(at, actor, "delete", uri(target), ref=target, request=asked)
    confirmed = options | {"gracePeriodSeconds": 0}
    log.add(at + stopping, kubelet, "delete", uri(target), ref=target, request=confirmed)


def owner(log: AuditLog, kind: str, name: str, version: str = "apps/v1") -> Json:
    return {
        "apiVersion": version,
        "kind": kind,
        "name": name,
        "uid": log.uid(),
        "controller": True,
        "blockOwnerDeletion": True,
    }
