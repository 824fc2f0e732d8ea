#!/usr/bin/env bash
# The main job on the bundled samples: two recorded intrusions, judged by the rules we ship.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

show() {
    printf '  $ %s\n\n' "$*"
    "$@"
}

cat <<'EOT'

An intrusion into a Linux host, as its system calls were recorded (by falcowb capture, with eBPF):

EOT
show falcowb replay samples/intrusion.fcap -r rules/syscall_rules.yaml
cat <<'EOT'

An intrusion into a Kubernetes cluster, as its audit log saw it. The log is read by the k8s_audit plugin
(a Falco plugin, loaded with dlopen) and judged by two rule files; here only the gravest alerts:

EOT
show falcowb replay samples/k8s_intrusion.jsonl -c samples/falco.yaml -p error
cat <<'EOT'

Next, try:
  . .venv/bin/activate
  falcowb samples/intrusion.fcap -r rules/syscall_rules.yaml       # the workbench: n for the next alert, ? for help
  falcowb explain samples/intrusion.fcap 1441 -r rules/syscall_rules.yaml
  falcowb sql samples/intrusion.fcap --recipe process-tree
  sudo .venv/bin/falcowb capture -o mine.fcap -- ls                # record something yourself
  cat samples/README.md                                            # the stories behind the alerts
EOT
