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
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
