"""The plugin ``k8s_audit``: Kubernetes audit events, from files or a webhook.

Its source is opened with

- nothing: the webhook at ``http://127.0.0.1:9765/k8s-audit``;
- ``http://HOST:PORT/PATH`` or ``https://…``: a webhook there (no HOST: every address);
- ``PATH``: a file, or a folder's files by age; ``PATH?follow=1`` goes on as the file grows;
- ``file://PATH``: what is added to the file from now on (``?from=start``: all of it, then that).
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from capture.errors import FalcowbError
from plugins.k8s_audit.fields import FIELDS, PATH_ALIASES
from plugins.k8s_audit.source_file import FileSource, FollowSource
from plugins.k8s_audit.source_webhook import WebhookSource
from plugins.sdk.model import OpenParam, Option, Plugin
from plugins.sdk.source import Source

DEFAULT_ENDPOINT = "http://127.0.0.1:9765/k8s-audit"


class K8sAudit(Plugin):
    name = "k8s_audit"
    description = "Kubernetes audit events, from log files or as a webhook of the API server"
    contact = "the falcowb project"
    version = "0.1.0"
    # The id registered for this event source: captures made with upstream's k8saudit plugin hold
    # the same payload, so either plugin reads the other's.
    id = 1
    event_source = "k8s_audit"
    fields = FIELDS
    path_aliases = PATH_ALIASES
    on_document = "audit_events"
    options: ClassVar = (
        Option(
            "sslCertificate",
            "/etc/falco/falco.pem",
            "Certificate",
            "PEM file with key and certificate of the https webhook",
        ),
        Option(
            "useAsync",
            True,
            "Asynchronous extraction",
            "Accepted as upstream's; extraction here needs no such help",
        ),
        Option(
            "maxEventSize",
            262144,
            "Largest event",
            "Bytes that an audit event may have; larger ones are left out and reported",
        ),
        Option(
            "webhookMaxBatchSize",
            12582912,
            "Largest request",
            "Bytes that the body of a request to the webhook may have",
        ),
    )
    open_params: ClassVar = (
        OpenParam(DEFAULT_ENDPOINT, "Webhook for the API server; the default"),
        OpenParam("https://:9765/k8s-audit", "Webhook with TLS, on every address"),
        OpenParam("/var/log/kubernetes/audit/audit.log", "An audit log, once through"),
        OpenParam(
            "/var/log/kubernetes/audit/audit.log?follow=1", "An audit log, and then what is added"
        ),
        OpenParam("file:///var/log/kubernetes/audit/audit.log", "What is added from now on"),
    )

    def open(self, params: str) -> Source:
        params = params.strip() or DEFAULT_ENDPOINT
        scheme, separator, _ = params.partition("://")
        if not separator:
            return self._open_path(params)
        if scheme in ("http", "https"):
            return WebhookSource(params, self.config, self.log, self.native)
        if scheme == "file":
            url = urlsplit(params)
            if url.netloc not in ("", "localhost"):
                raise FalcowbError(
                    f"{params} names the host {url.netloc}", hint="write file:///PATH"
                )
            start = parse_qs(url.query).get("from") == ["start"]
            return FollowSource(Path(url.path), self.config, self.log, self.native, start=start)
        raise FalcowbError(
            f'scheme "{scheme}" is not supported',
            hint="open a path, file://PATH, http://HOST:PORT/PATH or https://HOST:PORT/PATH",
        )

    def _open_path(self, params: str) -> Source:
        path = Path(params)
        if not path.exists():
            before, mark, query = params.rpartition("?")
            if mark and parse_qs(query).get("follow") == ["1"]:
                return FollowSource(Path(before), self.config, self.log, self.native, start=True)
        return FileSource(path, self.config, self.log, self.native)
