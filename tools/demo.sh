#!/usr/bin/env bash
# Copyright The rbd-mon-fix authors
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

# Show rbd-mon-fix at work on a throwaway cloud, and keep the cloud.
#
#   tools/demo.sh [FOLDER]
#
# Nova's and Cinder's databases have the real schema, on SQLite. The servers
# are defined in libvirt's QEMU driver, which runs inside the process. No Ceph
# runs: as on a host that cannot reach Ceph, a monitors file tells which
# monitors each cluster has and had. Such a list is a claim, hence exit code 1
# of "monitors". The default FOLDER is ./demo-cloud. Everything except the
# system's packages stays in it.

set -euo pipefail
# shellcheck source=tools/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

mkdir -p "${1:-demo-cloud}"
FOLDER=$(cd "${1:-demo-cloud}" && pwd)

# show STATUS COMMAND...: print and run a command; it must exit with STATUS.
show() {
    local expected=$1 status=0
    shift
    printf '\n$ %s\n' "$*"
    "$@" || status=$?
    [ "$status" = 0 ] || printf '[exit code %s]\n' "$status"
    if [ "$status" != "$expected" ]; then
        echo "$0: expected exit code $expected, got $status" >&2
        exit 1
    fi
}

install_all() {
    tools_venv "$FOLDER/tools"
    need_packages demo
    let_pbr_know
    say 'installing rbd-mon-fix, and the schemas of Nova and Cinder'
    venv "$(default_python)" "$FOLDER/venv"
    pip_install "$FOLDER/venv" "$ROOT"
    "$ROOT/tools/nova_venv.sh" nova-latest "$FOLDER"
}

build_cloud() {
    say "building the cloud in $FOLDER/cloud"
    rm -rf "$FOLDER/cloud"
    (cd "$ROOT" && "$FOLDER/venv/bin/python" -m tests.cloud --servers few \
        --nova-python "$FOLDER/nova-latest/bin/python" "$FOLDER/cloud")
}

# Give the operator's shell the command with the config of this cloud.
write_environment() {
    mkdir -p "$FOLDER/bin"
    cat >"$FOLDER/bin/rbd-mon-fix" <<END
#!/bin/sh
exec "$FOLDER/venv/bin/rbd-mon-fix" \\
    --config-file "$FOLDER/cloud/rbd-mon-fix.conf" "\$@"
END
    chmod +x "$FOLDER/bin/rbd-mon-fix"
    echo "PATH=$FOLDER/bin:\$PATH" >"$FOLDER/env.sh"
    # shellcheck source=/dev/null
    . "$FOLDER/env.sh"
}

main_job() {
    say 'all monitors were replaced; which servers would still start?'
    show 1 rbd-mon-fix monitors
    show 1 rbd-mon-fix status --host cmp1
    show 1 rbd-mon-fix refresh --host cmp1 --dry-run
    say 'refresh; the busy server is left alone, hence exit code 4'
    show 4 rbd-mon-fix refresh --host cmp1
    show 1 rbd-mon-fix status --host cmp1
    say 'roll back'
    show 0 rbd-mon-fix journal list
    show 0 rbd-mon-fix rollback "$(last_run)"
}

last_run() {
    rbd-mon-fix journal list -f csv | tail -n 1 | cut -d, -f1
}

install_all
build_cloud
write_environment
main_job
say "try it yourself: . $FOLDER/env.sh"
cat <<'END'
Then try:
  rbd-mon-fix status --all-hosts
  rbd-mon-fix status --host cmp1 -f json
  rbd-mon-fix refresh --host cmp1 --unmanaged
  rbd-mon-fix journal list
END
