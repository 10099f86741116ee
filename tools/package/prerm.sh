#!/bin/sh
# A removal ends the timers and shuts the door; an upgrade lets them go on.
set -e
begun="@OF_STORE@ @OF_IT@"
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    for unit in $begun; do systemctl disable --now "$unit" 2>/dev/null || true; done
fi
