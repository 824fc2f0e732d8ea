#!/usr/bin/env bash
# The main job on the bundled sample: replay an audit log through the k8s_audit plugin and our rules.
set -euo pipefail
cd "$(dirname "$0")/.."
run=(falcowb replay samples/k8s_intrusion.jsonl -r samples/rules.yaml -r rules/k8s_audit_rules.yaml -c samples/falco.yaml)
cat <<'EOT'

A small intrusion into a Kubernetes cluster, as its audit log saw it. The log is read by the
k8s_audit plugin (a Falco plugin, loaded with dlopen) and judged by two rule files:

EOT
printf '  $ %s\n\n' "${run[*]}"
PATH="$PWD/.venv/bin:$PATH" "${run[@]}"
cat <<'EOT'

Next, try:
  . .venv/bin/activate
  falcowb replay samples/k8s_intrusion.jsonl -r samples/rules.yaml -c samples/falco.yaml --json
  falcowb rules check samples/rules.yaml         # edit a rule first, or break one
  cat samples/README.md                          # the story behind these alerts
EOT
