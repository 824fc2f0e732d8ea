"""An ordinary afternoon in the cluster: what happens there without any intruder."""

from __future__ import annotations

from k8s_cluster import Actor, AuditLog, binding, cluster_binding, ref, seconds, uri
from k8s_pods import Pod, create, delete, owner, started

LENGTH = 26 * 60
OFFICE = "10.8.0."
REGISTRY = "registry.storefront.example"


def everyday(log: AuditLog, kubelets: dict[str, Actor]) -> None:
    heartbeats(log, kubelets)
    autoscaling(log)
    monitoring(log)
    secrets_in_step(log)
    sitemap(log, kubelets["worker-1"])
    developers(log)
    deployment(log, kubelets)


def every(log: AuditLog, step: float, first: float, jitter: float = 0.4) -> list[float]:
    times = []
    at = first
    while at < LENGTH:
        times.append(at + log.random.uniform(0, jitter))
        at += step
    return times


def heartbeats(log: AuditLog, kubelets: dict[str, Actor]) -> None:
    """Each kubelet renews its lease (every 80 s here) and reports its node's status."""
    for index, (name, kubelet) in enumerate(kubelets.items()):
        lease = ref("leases", "kube-node-lease", name, group="coordination.k8s.io")
        for at in every(log, 80, 4 + 23 * index):
            log.add(at, kubelet, "update", uri(lease, "timeout=10s"), ref=lease, reason="")
        status = ref("nodes", "", name, subresource="status")
        for at in every(log, 300, 61 + 70 * index):
            beat = {"lastHeartbeatTime": seconds(at), "type": "Ready"}
            log.add(
                at,
                kubelet,
                "patch",
                uri(status, "timeout=10s"),
                ref=status,
                level="Request",
                request={"status": {"conditions": [beat]}},
                reason="",
            )


def autoscaling(log: AuditLog) -> None:
    """The autoscaler looks at the web deployment; a load balancer asks whether the API lives."""
    hpa = log.controller("horizontal-pod-autoscaler")
    scale = ref("deployments", "storefront", "storefront-web", group="apps", subresource="scale")
    metrics = ref("pods", "storefront", group="metrics.k8s.io", version="v1beta1")
    for at in every(log, 240, 12):
        log.add(at, hpa, "get", uri(scale), ref=scale)
        query = "labelSelector=app%3Dstorefront-web"
        log.add(at + 0.02, hpa, "list", uri(metrics, query), ref=metrics)
    balancer = Actor(
        username="system:anonymous",
        groups=("system:unauthenticated",),
        address="10.20.0.5",
        agent="lb-health-check/2.4",
        reason=cluster_binding(
            "system:public-info-viewer",
            "system:public-info-viewer",
            'Group "system:unauthenticated"',
        ),
    )
    for at in every(log, 260, 31):
        log.add(at, balancer, "get", "/livez")


def monitoring(log: AuditLog) -> None:
    """Kube-state-metrics watches; a watch is logged when it starts and when it ends."""
    monitor = log.service_account(
        "monitoring",
        "kube-state-metrics",
        address="10.244.1.14",
        agent="kube-state-metrics/v2.15.0 (linux/amd64)",
        pod="kube-state-metrics-6d5f7c9b8-4xk2p",
        node="worker-1",
        reason=cluster_binding(
            "kube-state-metrics",
            "kube-state-metrics",
            'ServiceAccount "kube-state-metrics/monitoring"',
        ),
    )
    for at, resource, group in (
        (140, "cronjobs", "batch"),
        (415, "deployments", "apps"),
        (720, "pods", ""),
        (1130, "jobs", "batch"),
    ):
        target = ref(resource, group=group)
        query = "allowWatchBookmarks=true&timeoutSeconds=367&watch=true"
        log.session(at, monitor, "watch", uri(target, query), target, lasted=367.0)


def secrets_in_step(log: AuditLog) -> None:
    """External-secrets compares two secrets with its vault every ten minutes."""
    syncer = log.service_account(
        "external-secrets",
        "external-secrets",
        address="10.244.2.31",
        agent="external-secrets/v0.14.3 (linux/amd64)",
        pod="external-secrets-5b6c8d7f9-q8wzn",
        node="worker-2",
        reason=cluster_binding(
            "external-secrets-controller",
            "external-secrets-controller",
            'ServiceAccount "external-secrets/external-secrets"',
        ),
    )
    for at in every(log, 600, 208):
        for name in ("storefront-db", "payment-gateway"):
            secret = ref("secrets", "storefront", name)
            log.add(at, syncer, "get", uri(secret), ref=secret)


def sitemap(log: AuditLog, kubelet: Actor) -> None:
    """A cron job that has always been there."""
    cron = log.controller("cronjob-controller")
    jobs = log.controller("job-controller")
    for at in (300.2, 1200.2):
        name = f"sitemap-{29_652_000 + int(at // 60)}"
        container = {"name": "sitemap", "image": f"{REGISTRY}/sitemap:2.3.1"}
        template = {
            "spec": {
                "containers": [container],
                "restartPolicy": "OnFailure",
                "serviceAccountName": "sitemap",
            }
        }
        job = {
            "kind": "Job",
            "apiVersion": "batch/v1",
            "metadata": {
                "name": name,
                "namespace": "storefront",
                "ownerReferences": [owner(log, "CronJob", "sitemap", "batch/v1")],
            },
            "spec": {"backoffLimit": 2, "template": template},
        }
        target = ref("jobs", "storefront", name, group="batch")
        collection = uri(ref("jobs", "storefront", group="batch"))
        log.add(at, cron, "create", collection, code=201, ref=target, request=job, response=job)
        pod = Pod(
            namespace="storefront",
            name=f"{name}-{log.suffix()}",
            node="worker-1",
            account="sitemap",
            container={
                **container,
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "runAsNonRoot": True,
                },
            },
            labels={"batch.kubernetes.io/job-name": name},
            generate_name=f"{name}-",
            owner=owner(log, "Job", name, "batch/v1"),
            spec={"restartPolicy": "OnFailure"},
        )
        create(log, at + 0.4, jobs, pod)
        started(log, at + 1.1, kubelet, pod, "10.244.1.88")


def developers(log: AuditLog) -> None:
    """Maria looks into staging and opens a shell there; Tom watches the shop."""
    agent = "kubectl/v1.32.3 (darwin/arm64) kubernetes/32cc146"
    allowed = cluster_binding("developers", "view", 'Group "developers"')
    maria = log.person("maria", OFFICE + "17", agent, "developers", reason=allowed)
    tom = log.person("tom", OFFICE + "23", agent, "developers", "oncall", reason=allowed)
    staging = "storefront-staging"
    cart = f"storefront-cart-5f4b7d9c88-{log.suffix()}"
    for path in ("/api", "/apis"):
        log.add(95, maria, "get", path + "?timeout=32s")
    pods = ref("pods", staging)
    log.add(96, maria, "list", uri(pods, "limit=500"), ref=pods)
    logs = ref("pods", staging, cart, subresource="log")
    query = "container=cart&tailLines=200"
    log.session(118, maria, "get", uri(logs, query), logs, lasted=0.041)
    shell = ref("pods", staging, cart, subresource="exec")
    query = "command=sh&container=cart&stdin=true&stdout=true&tty=true"
    may = binding("developers-debug", staging, "debug", 'Group "developers"')
    log.session(
        164,
        maria,
        "get",
        uri(shell, query),
        shell,
        code=101,
        lasted=212.4,
        level="Request",
        reason=may,
    )
    deployments = ref("deployments", "storefront", group="apps")
    for at in (352, 871, 1502):
        log.add(at, tom, "list", uri(deployments, "limit=500"), ref=deployments)
    shop = ref("pods", "storefront")
    for at in (355, 1439):
        log.add(at, tom, "list", uri(shop, "limit=500"), ref=shop)
    events = ref("events", "storefront")
    log.add(1444, tom, "list", uri(events, "limit=500"), ref=events)


def deployment(log: AuditLog, kubelets: dict[str, Actor]) -> None:
    """The pipeline brings a new cart to staging with Helm, and the controllers follow."""
    namespace = "storefront-staging"
    deployer = log.service_account(
        "ci",
        "deployer",
        address="10.244.2.77",
        agent="Helm/3.17.1",
        pod="runner-x7k2m-build-4471",
        node="worker-2",
        reason=binding("ci-deployer", namespace, "deployer", 'ServiceAccount "deployer/ci"'),
    )
    release = "sh.helm.release.v1.cart.v42"
    secrets = ref("secrets", namespace)
    log.add(
        512,
        deployer,
        "list",
        uri(secrets, "labelSelector=name%3Dcart%2Cowner%3Dhelm"),
        ref=secrets,
    )
    log.add(
        512.6,
        deployer,
        "create",
        uri(secrets, "fieldManager=helm"),
        code=201,
        ref=ref("secrets", namespace, release),
    )
    target = ref("deployments", namespace, "storefront-cart", group="apps")
    log.add(513.1, deployer, "get", uri(target), ref=target)
    image = f"{REGISTRY}/cart:1.18.0"
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "cart", "image": image}]}}}}
    stored = {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "storefront-cart", "namespace": namespace, "generation": 42},
        **patch,
    }
    log.add(
        513.4,
        deployer,
        "patch",
        uri(target, "fieldManager=helm"),
        ref=target,
        request=patch,
        response=stored,
    )
    controller = log.controller("deployment-controller")
    name = f"storefront-cart-{log.suffix(10)}"
    replica_set = {
        "kind": "ReplicaSet",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "ownerReferences": [owner(log, "Deployment", "storefront-cart")],
        },
        "spec": {"replicas": 2, **patch["spec"]},
    }
    log.add(
        513.6,
        controller,
        "create",
        uri(ref("replicasets", namespace, group="apps")),
        code=201,
        ref=ref("replicasets", namespace, name, group="apps"),
        request=replica_set,
        response=replica_set,
    )
    replicas = log.controller("replicaset-controller")
    for index, node in enumerate(("worker-1", "worker-2")):
        pod = Pod(
            namespace=namespace,
            name=f"{name}-{log.suffix()}",
            node=node,
            account="storefront-cart",
            container={
                "name": "cart",
                "image": image,
                "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                "securityContext": {"allowPrivilegeEscalation": False, "runAsUser": 10001},
            },
            labels={"app": "storefront-cart"},
            generate_name=f"{name}-",
            owner=owner(log, "ReplicaSet", name),
        )
        create(log, 513.9 + index, replicas, pod)
        started(log, 515.8 + index, kubelets[node], pod, f"10.244.{index + 1}.9{index}")
        old = f"storefront-cart-5f4b7d9c88-{log.suffix()}"
        delete(log, 520.3 + index, replicas, Pod(namespace, old, node, "", {}), kubelets[node], 4.1)
    log.add(
        531,
        deployer,
        "update",
        uri(ref("secrets", namespace, release), "fieldManager=helm"),
        ref=ref("secrets", namespace, release),
    )
