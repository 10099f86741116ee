#!/bin/sh
# The program of the package. The environment is found by its own name, so that an upgrade changes nothing under a run.
environment=$(readlink -e /opt/arlo-rec/current) || {
    echo "arlo-rec: the package is not installed to its end; run dpkg --configure -a as root" >&2
    exit 16
}
exec "$environment/bin/python" -I -m arlo_rec "$@"
