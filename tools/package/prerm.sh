#!/bin/sh
# A removal ends the timers; an upgrade lets them go on.
set -e
timers="@STORE_TIMERS@ @IT_TIMERS@"
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    for timer in $timers; do systemctl disable --now "$timer" 2>/dev/null || true; done
fi
