#!/bin/sh
# The environments that postinst made. The account, the store and every folder with recordings or keys stay.
set -e
case "$1" in
remove | purge)
    rm -rf /opt/arlo-rec
    if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
    ;;
esac
if [ "$1" = purge ]; then
    echo "arlo-rec: the account arlo, its store, /etc/arlo-rec and /var/lib/arlo* are left; remove them by hand" >&2
fi
