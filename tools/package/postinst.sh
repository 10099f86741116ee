#!/bin/sh
# Make an environment that can run of what was unpacked, then point to it in one step. dpkg replaces files in place, over
# minutes where a machine is slow: so nothing runs from where it unpacks. Until the last step the one before runs.
set -e
[ "$1" = configure ] || exit 0
top=/opt/arlo-rec
before=$(readlink -e "$top/current" || true)
new="$top/@VERSION@.$(date +%s)"
trap 'rm -rf "$new"' EXIT # of a run that fails; what a killed one leaves, the next removes
for old in "$top"/*; do
    [ "$old" = "$top/package" ] || [ "$old" = "$top/current" ] || [ "$old" = "$before" ] || rm -rf "$old"
done
cp -al "$top/package" "$new" # names alone: the same bytes on disk
"$new/bin/python" -I -m compileall -q -j 0 "$new/lib"
"$new/bin/python" -I -m arlo_rec --version >/dev/null
systemd-sysusers arlo-rec.conf
systemd-tmpfiles --create arlo-rec.conf || true # 73: a folder is there in another form; doctor says so
ln -sfn "${new##*/}" "$top/current.new"
mv -T "$top/current.new" "$top/current"
trap - EXIT
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
[ -z "$before" ] || exit 0 # an upgrade leaves timers and door as they are

# A removal turned timers and door off, and a store lives on without its package: say which are off.
store=
for setting in $(systemctl show --value --property=Environment arlo-rec-purge.service); do
    case "$setting" in ARLO_REC_STORE=*) store=${setting#*=} ;; esac
done
if [ -e "$store/store.toml" ] || [ -e /etc/arlo-rec/cron.key ] || [ -e /etc/arlo-rec/cron.cred ]; then
    begun="@OF_STORE@"
elif [ -e /etc/arlo-rec/it.key ]; then
    begun="@OF_IT@"
fi
off=
for unit in ${begun:-}; do systemctl is-enabled --quiet "$unit" || off="$off $unit"; done
[ -z "$off" ] || echo "arlo-rec: these units are off; to turn them on: systemctl enable --now$off" >&2
